"""The overview lists each worker from its own notice, and warns of workers that are less confined."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.admin.service.workers import read_workers, warnings_about
from app.stores.signals import Signals
from app.worker.presence import publish_presence
from darkroom_shared.admin import WorkerSeen

PLENTY_SECONDS = 60.0


@pytest.fixture
async def signals(valkey_url: str) -> AsyncIterator[Signals]:
    async with Signals(valkey_url) as signals:
        yield signals


async def test_a_worker_is_listed_while_it_runs(signals: Signals) -> None:
    stopping = asyncio.Event()
    seen = asyncio.create_task(publish_presence(signals.presence, 7, stopping))
    async with asyncio.timeout(PLENTY_SECONDS):
        while not await read_workers(signals.presence):  # noqa: ASYNC110  # no event of the registry
            await asyncio.sleep(0.02)
    stopping.set()
    await seen
    workers = await read_workers(signals.presence)
    assert workers is not None
    assert 7 in {worker.landlock_level for worker in workers}


async def test_without_redis_presence_is_unknown() -> None:
    async with Signals("redis://127.0.0.1:1/0") as nowhere:
        assert await read_workers(nowhere.presence) is None
    assert warnings_about(None) == []


def test_the_warning_names_a_worker_without_landlock() -> None:
    confined, open_one = (
        WorkerSeen(process="east:1", landlock_level=2),
        WorkerSeen(process="west:2", landlock_level=None),
    )
    assert warnings_about([confined]) == []
    (warning,) = warnings_about([confined, open_one])
    assert "west:2" in warning
    assert "east:1" not in warning
