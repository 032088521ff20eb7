"""What the operator's overview shows about the workers."""

import asyncio
import socket

import pytest

from app.media.sandbox import landlock
from tests.drills.installation import ADMINISTRATOR, Installation
from tests.drills.people import a_person
from tests.drills.processes import DRILL_SECONDS, PLENTY_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)


async def test_the_overview_lists_a_worker_and_its_decoders_sandbox_level(
    installation: Installation, processes: Processes
) -> None:
    worker = processes.worker()
    await worker.logged("sandbox.verified", landlock_level=landlock.level())
    expected = {"process": f"{socket.gethostname()}:{worker.pid}", "landlock_level": landlock.level()}
    async with a_person(installation, email=ADMINISTRATOR) as operator, asyncio.timeout(PLENTY_SECONDS):
        while expected not in (overview := await operator.client.overview())["workers"]:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)
    assert overview["warnings"] == []
