"""Videos through real workers: kills, pauses, cancellation, stops, duplicate messages, and no delay of photos."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from darkroom_shared.events import EventType
from darkroom_shared.ids import ItemId
from darkroom_shared.items import ItemKind, ItemState
from tests.drills.completions import Completions
from tests.drills.installation import Installation, Rule, inject
from tests.drills.people import Person
from tests.drills.processes import DRILL_SECONDS, LONG_LEASE_SECONDS, PLENTY_SECONDS, Process, Processes
from tests.drills.test_cancelling import GONE_SECONDS, TRIES, cancel, delete, until, until_gone

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

STEPS = (
    *(("express", step) for step in ("claim", "download", "probe", "poster", "make", "upload", "hand_off", "delete")),
    *(
        ("bulk", step)
        for step in ("claim", "download", "probe", "encode", "play", "join", "upload", "finish", "delete")
    ),
)
A_MOMENT_SECONDS = 0.05
LONG_SECONDS = 60
"""Duration of a video whose encoder can be paused during its work."""
VIDEOS = 6
SPARE = 3


async def test_a_worker_killed_at_every_step_of_a_video_drops_nothing_and_publishes_once(
    installation: Installation, processes: Processes, person: Person, completions: Completions
) -> None:
    await asyncio.gather(*(person.upload_video() for _ in range(len(STEPS) + SPARE)))
    for store in (installation.tables, installation.objects, installation.queues):
        await inject(store, Rule("*", "latency", seconds=A_MOMENT_SECONDS))
    struck: set[str] = set()
    for lane, step in STEPS:
        worker = processes.worker()
        while (item := (await worker.logged("step.began", step=step, lane=lane))["item"]) in struck:
            continue
        worker.kill()
        struck.add(item)
    for store in (installation.tables, installation.objects, installation.queues):
        await inject(store)
    processes.worker()
    await person.all_ready_once()
    await completions.receive("item.ready", person.sent)
    assert all(item.playable and item.kind is ItemKind.VIDEO for item in (await person.items()).values())


async def catch_encoder(worker: Process) -> tuple[str, int]:
    """Pause the encoder of the next video; return the item's id and the encoder's process id."""
    item = (await worker.logged("step.began", step="encode"))["item"]
    await until(lambda: encoders(worker))
    (encoder,) = encoders(worker)
    os.kill(encoder, signal.SIGSTOP)
    return item, encoder


def encoders(worker: Process) -> list[int]:
    return [pid for pid in worker.decoders() if program(pid).startswith("ffmpeg")]


def program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.mark.parametrize("end", [cancel, delete])
async def test_cancelling_or_deleting_a_video_leaves_no_encoder_and_no_file(
    processes: Processes, person: Person, end: Callable[[Person, ItemId], Awaitable[None]]
) -> None:
    worker = processes.worker(lease_seconds=LONG_LEASE_SECONDS)
    for _ in range(TRIES):
        cancelled = await person.upload_video(seconds=LONG_SECONDS)
        item, encoder = await catch_encoder(worker)
        assert item == cancelled
        await end(person, cancelled)
        seconds = await until_gone(encoder)
        await until(lambda: not list(worker.scratch.iterdir()))
        person.sent.remove(cancelled)
        if seconds <= GONE_SECONDS:
            break
    assert seconds <= GONE_SECONDS
    await person.upload_video()
    await person.all_ready_once()


async def test_photos_and_posters_never_wait_for_a_full_bulk_lane(processes: Processes, person: Person) -> None:
    worker = processes.worker(slots=1)
    await person.upload_video(seconds=LONG_SECONDS)
    _, encoder = await catch_encoder(worker)
    waiting = await person.upload_video()
    photos = await person.upload_many(4)
    await until_seen(person, [*photos, waiting])
    items = await person.items()
    assert {items[photo].state for photo in photos} == {ItemState.READY}
    assert items[waiting].state is ItemState.QUEUED
    os.kill(encoder, signal.SIGCONT)
    await person.all_ready_once()


async def until_seen(person: Person, expected: list[ItemId]) -> None:
    """Wait until each item has an image."""
    async with asyncio.timeout(PLENTY_SECONDS):
        while True:
            items = await person.items()
            if all(items[item].renditions for item in expected):
                return
            await asyncio.sleep(0.1)


async def test_a_stopping_worker_immediately_returns_a_video_it_cannot_finish(
    processes: Processes, person: Person
) -> None:
    worker = processes.worker()
    item = await person.upload_video(seconds=LONG_SECONDS)
    _, encoder = await catch_encoder(worker)
    assert await worker.stop() == 0
    await until_gone(encoder)
    processes.worker()
    await person.all_ready_once()
    steps = [step.step for step in (await person.client.items.receipt(item)).steps]
    assert "lost" not in steps


async def test_an_encode_paused_past_its_lease_cannot_overwrite_the_newer_one(
    processes: Processes, person: Person
) -> None:
    paused = processes.worker()
    item = await person.upload_video(seconds=LONG_SECONDS)
    await paused.logged("step.began", step="encode")
    paused.send(signal.SIGSTOP)
    processes.worker(lease_seconds=LONG_LEASE_SECONDS)
    await person.all_ended()
    paused.send(signal.SIGCONT)
    await paused.logged("claim.lost")
    await person.all_ready_once()
    (results,) = (await person.items()).values()
    assert {each.name for each in results.renditions} >= {"small", "video", "storyboard"}
    receipt = (await person.client.items.receipt(item)).steps
    steps = [(step.step, step.attempt) for step in receipt if step.step in {"playable", "ready"}]
    assert steps[-2:] == [("playable", 3), ("ready", 3)]


async def test_duplicate_and_reordered_video_messages_change_nothing(
    installation: Installation, processes: Processes, person: Person, completions: Completions
) -> None:
    await inject(
        installation.queues,
        Rule("ReceiveMessage", "duplicate", seconds=0.05),
        Rule("ReceiveMessage", "duplicate", seconds=2.0),
        Rule("ReceiveMessage", "reorder", seconds=2.0),
    )
    for _ in range(2):
        processes.worker(lease_seconds=LONG_LEASE_SECONDS)
    for _ in range(VIDEOS):
        await person.upload_video()
    await person.all_ready_once()
    await inject(installation.queues)
    await completions.receive("item.ready", person.sent)
    assert await person.published(EventType.ITEM_PLAYABLE) == Counter(person.sent)
    for item in person.sent:
        steps = [step.step for step in (await person.client.items.receipt(item)).steps]
        assert (steps.count("claimed"), steps.count("passed_on"), steps.count("ready")) == (2, 1, 1)
