"""A worker may be killed at any moment."""

import asyncio
import random
from collections import Counter

import pytest

from app.jobs.claim import MAX_LOST_ATTEMPTS
from darkroom_shared.events import EventType
from darkroom_shared.items import FailureCode, ItemState
from tests.drills.completions import Completions
from tests.drills.installation import Installation, Rule, inject
from tests.drills.people import Person
from tests.drills.processes import DRILL_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

STEPS = ("claim", "download", "make", "upload", "finish", "delete")
KILLS = 50
FOUR_LOSSES_SECONDS = 900.0
"""An item whose worker was killed four times waits 10 min before its last attempt."""
A_MOMENT_SECONDS = 0.05
"""Injected latency of every store call, so that the kill hits a step in progress."""


async def test_a_worker_killed_at_every_step_drops_nothing_and_publishes_once(
    installation: Installation, processes: Processes, person: Person, completions: Completions
) -> None:
    await person.upload_many(12)
    for store in (installation.tables, installation.objects, installation.queues):
        await inject(store, Rule("*", "latency", seconds=A_MOMENT_SECONDS))
    struck: set[str] = set()
    for step in STEPS:
        worker = processes.worker()
        while (item := (await worker.logged("step.began", step=step))["item"]) in struck:
            continue
        worker.kill()
        struck.add(item)
    processes.worker()
    await person.all_ready_once()
    await completions.receive("item.ready", person.sent)
    assert len(struck) == len(STEPS)


@pytest.mark.tier("all", "long runs")
@pytest.mark.timeout(1200)
async def test_a_worker_killed_at_fifty_random_moments_drops_nothing(
    processes: Processes, person: Person, completions: Completions
) -> None:
    moments = random.Random(1)
    for _ in range(KILLS):
        uploads = asyncio.gather(person.upload_many(2), person.upload_video())
        worker = processes.worker()
        await worker.ready()
        await asyncio.sleep(moments.uniform(0, 1.5))
        worker.kill()
        await uploads
    processes.worker()
    processes.worker()
    items = await person.all_ended(FOUR_LOSSES_SECONDS)
    ready = [item for item in person.sent if items[item].state is ItemState.READY]
    assert await person.published(EventType.ITEM_READY) == Counter(ready)
    await completions.receive("item.ready", ready)
    for unlucky in set(person.sent) - set(ready):
        failure = items[unlucky].failure
        assert failure is not None
        assert failure.code is FailureCode.POISONED, "only five kills may keep a good file from being ready"
        steps = [step.step for step in (await person.client.items.receipt(unlucky)).steps]
        assert steps.count("lost") >= MAX_LOST_ATTEMPTS - 1  # a video's second stage has its own count
