"""After SIGTERM a process finishes or returns its work, and completes its requests."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.drills.installation import Installation
from tests.drills.people import Person, a_photo
from tests.drills.processes import DRILL_SECONDS, PLENTY_SECONDS, Processes
from tests.drills.test_cancelling import WIDTH, hang_a_decoder

pytestmark = pytest.mark.timeout(DRILL_SECONDS)


async def test_a_stopping_worker_finishes_its_items(processes: Processes, person: Person) -> None:
    worker = processes.worker()
    await person.upload_many(8)
    await worker.logged("step.began", step="make")
    assert await worker.stop() == 0
    began = {entry["item"] for entry in worker.entries() if entry.get("step") == "download"}
    items = await person.items()
    assert {items[item].state.value for item in person.sent if item in began} == {"ready"}
    processes.worker()
    await person.all_ready_once()
    receipts = [await person.client.items.receipt(item) for item in person.sent]
    assert not [step for receipt in receipts for step in receipt.steps if step.step == "lost"]


@pytest.mark.tier("all", "long runs")
async def test_a_stopping_worker_returns_items_that_exceed_its_grace_period(
    processes: Processes, person: Person
) -> None:
    worker = processes.worker(slots=1)
    await person.upload(a_photo(WIDTH))
    await hang_a_decoder(worker)
    assert await worker.stop() == 0
    processes.worker()
    await person.all_ready_once()
    steps = [step.step for step in (await person.client.items.receipt(person.sent[0])).steps]
    assert steps.count("given_back") == 1
    assert "lost" not in steps


async def test_a_stopping_app_completes_its_requests(
    installation: Installation, processes: Processes, person: Person
) -> None:
    """`darkroom up` restarts the app; requests in between are retried, as a user's client does."""
    app = installation.pid("-m app serve")
    processes.worker()
    uploads = asyncio.gather(*(person.upload() for _ in range(20)))
    await asyncio.sleep(0.2)
    os.kill(app, signal.SIGTERM)
    await asyncio.wait_for(uploads, PLENTY_SECONDS)
    await person.all_ready_once()
    assert installation.pid("-m app serve") != app


async def test_a_worker_without_the_role_takes_no_job_and_stops_on_its_drain_file(
    processes: Processes, person: Person, tmp_path: Path
) -> None:
    drain_file = tmp_path / "drain"
    idle = processes.worker(DARKROOM_WORKER_ROLES="dispatcher", DARKROOM_DRAIN_FILE=str(drain_file))
    await idle.logged("worker.started")
    await person.upload()
    processes.worker(DARKROOM_WORKER_ROLES="express,maintenance")
    await person.all_ready_once()
    assert not [entry for entry in idle.entries() if entry["event"] == "step.began"]
    assert idle.process.poll() is None
    drain_file.touch()
    assert await asyncio.to_thread(idle.process.wait, PLENTY_SECONDS) == 0
