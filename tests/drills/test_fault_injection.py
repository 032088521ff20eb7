"""Failing stores: nothing is lost, nothing is written twice, and every item is ready in bounded time."""

import asyncio

import pytest

from tests.drills.completions import Completions
from tests.drills.installation import Installation, Rule, inject, injected
from tests.drills.people import Person
from tests.drills.processes import DRILL_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

OUTAGE_SECONDS = 5.0


async def test_events_during_an_sns_outage_are_published_afterwards(
    installation: Installation, processes: Processes, person: Person, completions: Completions
) -> None:
    await inject(installation.queues, Rule("Publish", "unavailable"))
    processes.worker()
    await person.upload_many(6)
    await person.all_ready_once()
    await asyncio.sleep(OUTAGE_SECONDS)
    assert await injected(installation.queues) > 0
    await inject(installation.queues)
    await completions.receive("item.ready", person.sent)


async def test_half_of_all_dynamodb_calls_may_be_throttled(
    installation: Installation, processes: Processes, person: Person, completions: Completions
) -> None:
    workers = [processes.worker(lease_seconds=20) for _ in range(2)]
    await asyncio.gather(*(worker.ready() for worker in workers))
    await inject(installation.tables, Rule("*", "throttle", rate=0.5))
    await person.upload_many(5)
    await person.all_ready_once()
    await inject(installation.tables)
    await completions.receive("item.ready", person.sent)
    assert [worker.process.poll() for worker in workers] == [None, None], workers[0].words() + workers[1].words()


@pytest.mark.tier("all", "long runs")
async def test_conflicts_dropped_responses_and_broken_connections_write_nothing_twice(
    installation: Installation, processes: Processes, person: Person
) -> None:
    workers = [processes.worker(), processes.worker()]
    await asyncio.gather(*(worker.ready() for worker in workers))
    await inject(
        installation.tables,
        Rule("TransactWriteItems", "conflict", rate=0.3),
        Rule("TransactWriteItems", "drop_response", rate=0.2),
        Rule("*", "reset", rate=0.1),
        Rule("*", "internal_error", rate=0.1),
    )
    await person.upload_many(8)
    await person.all_ready_once()
    assert [worker.process.poll() for worker in workers] == [None, None], workers[0].words() + workers[1].words()


async def test_s3_may_be_slow_and_fail(installation: Installation, processes: Processes, person: Person) -> None:
    workers = [processes.worker(), processes.worker()]
    await asyncio.gather(*(worker.ready() for worker in workers))
    await inject(
        installation.objects,
        Rule("*", "latency", seconds=0.3),
        Rule("*", "internal_error", rate=0.3),
        Rule("PutObject", "drop_response", rate=0.1),
        Rule("GetObject", "reset", rate=0.3),
    )
    await person.upload_many(8)
    await person.all_ready_once()
    assert [worker.process.poll() for worker in workers] == [None, None], workers[0].words() + workers[1].words()
