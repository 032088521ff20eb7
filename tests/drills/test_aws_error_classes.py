"""Each class of AWS error at every call: no loop ends, committed requests succeed, and the service recovers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from app.stores.presence_registry import PresenceRegistry
from darkroom_shared.admin import AWS_ERRORS_REGISTRY, ProcessErrors
from tests.drills.installation import ADMINISTRATOR, Installation, Rule, inject
from tests.drills.people import NO_RETRIES, Person, a_person
from tests.drills.processes import DRILL_SECONDS, PLENTY_SECONDS, Process, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

CLASSES = {
    "throttle": "throttled",
    "internal_error": "server_error",
    "expired_credentials": "credentials",
    "unavailable": "server_error",
    "access_denied": "access_denied",
    "missing_resource": "missing_resource",
    "reset": "unreachable",
}
"""The injected fault, and the error class that the overview reports for it."""
FAULT_SECONDS, PAUSE_SECONDS, POLL_SECONDS = 3.0, 0.5, 0.1


class Reports:
    """What the worker reports of its failed calls: it posts all counts every few seconds."""

    def __init__(self, registry: PresenceRegistry, worker: Process) -> None:
        self._registry, self._worker = registry, worker

    async def count(self, error_class: str) -> int:
        """Return how many calls of DynamoDB, which every loop makes, failed with this class by the last report."""
        notices = await self._registry.read(AWS_ERRORS_REGISTRY) or ()
        reports = [ProcessErrors.model_validate_json(notice) for notice in notices]
        return max(
            (
                each.count
                for report in reports
                if report.process.endswith(f":{self._worker.pid}")
                for each in report.errors
                if (each.service, each.error_class) == ("DynamoDB", error_class)
            ),
            default=0,
        )

    async def above(self, count: int, error_class: str) -> None:
        async with asyncio.timeout(PLENTY_SECONDS):
            while await self.count(error_class) <= count:  # another process wakes no event
                assert self._worker.process.poll() is None, self._worker.words()
                await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def reports_of(worker: Process, installation: Installation) -> AsyncIterator[Reports]:
    async with Redis.from_url(installation.app["DARKROOM_REDIS_URL"]) as redis:
        yield Reports(PresenceRegistry(redis, asyncio.wait_for), worker)


async def test_no_class_of_error_ends_a_loop_of_the_worker(
    installation: Installation, processes: Processes, person: Person
) -> None:
    await person.upload_many(8)
    worker = processes.worker(lease_seconds=20)
    await worker.ready()
    stores = (installation.tables, installation.objects, installation.queues)
    async with reports_of(worker, installation) as reports:
        for fault, error_class in CLASSES.items():
            before = await reports.count(error_class)
            await asyncio.gather(*(inject(store, Rule("*", fault)) for store in stores))
            await asyncio.sleep(FAULT_SECONDS)
            await reports.above(before, error_class)
            await asyncio.gather(*(inject(store) for store in stores))
            await asyncio.sleep(PAUSE_SECONDS)
    assert worker.process.poll() is None, worker.words()
    async with a_person(installation, email=ADMINISTRATOR) as operator:
        overview = await operator.client.overview()
    assert {each["error_class"] for each in overview["aws_errors"]} >= set(CLASSES.values())
    await person.all_ready_once()


async def test_uploads_are_completed_at_the_first_try_while_the_queue_fails_in_any_way(
    installation: Installation, processes: Processes
) -> None:
    async with a_person(installation, retries=NO_RETRIES) as person:
        for fault in CLASSES:
            await inject(installation.queues, Rule("*", fault))
            await person.upload_many(1)
        await inject(installation.queues)
        processes.worker()
        await person.all_ready_once()
