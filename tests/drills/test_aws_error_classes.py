"""Each class of AWS error at every call: no loop ends, committed requests succeed, and the service recovers."""

import asyncio

import pytest

from tests.drills.installation import ADMINISTRATOR, Installation, Rule, inject
from tests.drills.people import Person, a_person
from tests.drills.processes import DRILL_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

CLASSES = {
    "throttle": "throttled",
    "internal_error": "server_error",
    "unavailable": "server_error",
    "expired_credentials": "credentials",
    "access_denied": "access_denied",
    "missing_resource": "missing_resource",
    "reset": "unreachable",
}
"""The injected fault, and the error class that the overview reports for it."""
FAULT_SECONDS, PAUSE_SECONDS = 3.0, 0.5


async def test_no_class_of_error_ends_a_loop_of_the_worker(
    installation: Installation, processes: Processes, person: Person
) -> None:
    await person.upload_many(8)
    worker = processes.worker(lease_seconds=20)
    await worker.ready()
    stores = (installation.tables, installation.objects, installation.queues)
    for fault in CLASSES:
        await asyncio.gather(*(inject(store, Rule("*", fault)) for store in stores))
        await asyncio.sleep(FAULT_SECONDS)
        await asyncio.gather(*(inject(store) for store in stores))
        await asyncio.sleep(PAUSE_SECONDS)
    assert worker.process.poll() is None, worker.words()
    async with a_person(installation, email=ADMINISTRATOR) as operator:
        overview = await operator.client.overview()
    assert {each["error_class"] for each in overview["aws_errors"]} >= set(CLASSES.values())
    await person.all_ready_once()


async def test_uploads_are_completed_while_the_queue_fails_in_any_way(
    installation: Installation, processes: Processes, person: Person
) -> None:
    for fault in CLASSES:
        await inject(installation.queues, Rule("*", fault))
        await person.upload_many(1)
    await inject(installation.queues)
    processes.worker()
    await person.all_ready_once()
