"""A worker that was away longer than its lease, and comes back."""

import asyncio
import signal

from shared.ids import ItemId
from tests.drills.installation import Installation, Rule, inject
from tests.drills.people import Person
from tests.drills.processes import Process, Processes

PAUSED_AT = ("make", "upload", "finish")
A_MOMENT_SECONDS = 0.05


async def test_a_worker_paused_past_its_lease_cannot_overwrite_the_newer_result(
    installation: Installation, processes: Processes, person: Person
) -> None:
    for store in (installation.tables, installation.objects):
        await inject(store, Rule("*", "latency", seconds=A_MOMENT_SECONDS))
    paused = [processes.worker(slots=1) for _ in PAUSED_AT]
    await asyncio.gather(*(worker.ready() for worker in paused))
    await person.upload_many(len(paused))
    await asyncio.gather(*map(pause, paused, PAUSED_AT))
    processes.worker()
    await person.all_ended()
    for worker in paused:
        worker.send(signal.SIGCONT)
    for worker in paused:
        await worker.logged("claim.lost", attempt=1)
    await person.all_ready_once()
    for item in person.sent:
        assert await attempts(person, item) == [("claimed", 1), ("lost", 1), ("claimed", 2), ("ready", 2)]


async def pause(worker: Process, step: str) -> None:
    await worker.logged("step.began", step=step)
    worker.send(signal.SIGSTOP)


async def attempts(person: Person, item: ItemId) -> list[tuple[str, int]]:
    moves = {"claimed", "lost", "given_back", "ready", "failed"}
    return [(step.step, step.attempt) for step in (await person.client.items.receipt(item)).steps if step.step in moves]
