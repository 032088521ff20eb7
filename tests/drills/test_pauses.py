"""A worker that was paused for longer than its lease and then resumes."""

import asyncio
import signal

import pytest

from darkroom_shared.ids import ItemId
from tests.drills.installation import Installation, Rule, inject
from tests.drills.people import Person
from tests.drills.processes import DRILL_SECONDS, LONG_LEASE_SECONDS, Process, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

PAUSED_AT = ("make", "upload", "finish")
CONCURRENCY = 2
"""Items that a worker with one slot processes at the same time. Each of N workers gets an item out of 2 N items."""
FETCHING_SECONDS = 3.0
"""Longer than the other workers need to fetch their items and the test needs to block writes."""


async def test_a_worker_paused_past_its_lease_cannot_overwrite_the_newer_result(
    installation: Installation, processes: Processes, person: Person
) -> None:
    paused = [processes.worker(slots=1) for _ in PAUSED_AT]
    await asyncio.gather(*(worker.ready() for worker in paused))
    await inject(installation.objects, Rule("GetObject", "latency", seconds=FETCHING_SECONDS))
    await person.upload_many(CONCURRENCY * len(paused))
    await asyncio.gather(*(worker.logged("step.began", step="download") for worker in paused))
    # From here on no worker can finish: even if its signal is late, the paused worker has not written yet.
    await inject(installation.tables, Rule("TransactWriteItems", "throttle"))
    items = await asyncio.gather(*map(pause, paused, PAUSED_AT))
    await inject(installation.tables)
    await inject(installation.objects)
    processes.worker(lease_seconds=LONG_LEASE_SECONDS)
    await person.all_ended()
    for worker in paused:
        worker.send(signal.SIGCONT)
    for worker, item in zip(paused, items, strict=True):
        await worker.logged("claim.lost", item=item, attempt=1)
    await person.all_ready_once()
    moves = {item: await moves_of(person, item) for item in person.sent}
    for item in items:
        assert moves[item] == [("claimed", 1), ("lost", 1), ("claimed", 2), ("ready", 2)]
    assert all(is_counted_right(each) for each in moves.values()), moves


async def pause(worker: Process, step: str) -> ItemId:
    """Pause the worker at this step and return its item."""
    item: ItemId = (await worker.logged("step.began", step=step))["item"]
    worker.send(signal.SIGSTOP)
    return item


async def moves_of(person: Person, item: ItemId) -> list[tuple[str, int]]:
    moves = {"claimed", "lost", "given_back", "ready", "failed"}
    return [(step.step, step.attempt) for step in (await person.client.items.receipt(item)).steps if step.step in moves]


def is_counted_right(moves: list[tuple[str, int]]) -> bool:
    """Return whether each attempt was claimed and lost, except the last one, which succeeded."""
    tries = len(moves) // 2
    return moves == [(step, n) for n in range(1, tries + 1) for step in ("claimed", "lost" if n < tries else "ready")]
