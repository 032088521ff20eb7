"""Measure 200 photos uploaded together: first byte sent to last ready / (CPU seconds of the media children / cores)."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from bench.arrivals import arrivals, show_receipt, step_of
from bench.photos import make_different_photos
from bench.scale import scaled
from bench.service import register, running_service
from darkroom_client.client import DarkroomClient
from darkroom_client.commands.uploading import CONCURRENT_FILES
from darkroom_client.uploads import Stage, UploadProgress
from darkroom_shared.ids import ItemId
from darkroom_shared.task_group import TaskGroup

FIGURES = ("batch_vs_media",)

PHOTOS = scaled(200, minimum=10)
WARM_UP = 4


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-batch-") as name:
        photos = make_different_photos(Path(name), WARM_UP + PHOTOS)
        with running_service(Path(name)) as url:
            asyncio.run(_measure(url, photos))


async def _measure(url: str, photos: list[Path]) -> None:
    async with register(url) as client, arrivals(client) as seen:
        for photo in photos[:WARM_UP]:
            await seen.ready_at((await client.upload(photo)).item.id)
        began_at, items = await _drop(client, photos[WARM_UP:])
        accepted_at = time.perf_counter()
        ready_at = max([await seen.ready_at(item) for item in items])
        made = [await step_of(client, item, "make") for item in items]
        await show_receipt(client, items)
    seconds = ready_at - began_at
    cpu_seconds = sum(float(step.details["cpu_seconds"]) for step in made)
    cores = len(os.sched_getaffinity(0))
    print(f"accepted after {accepted_at - began_at:.1f} s, ready after {seconds:.1f} s")
    print(f"the media's CPU: {cpu_seconds:.1f} s on {cores} cores")
    print(f"figure batch_vs_media {seconds / (cpu_seconds / cores):.3f}")


async def _drop(client: DarkroomClient, photos: list[Path]) -> tuple[float, list[ItemId]]:
    """Upload as many concurrently as `darkroom upload` does; return the time of the first byte, and the items."""
    slots, began = asyncio.Semaphore(CONCURRENT_FILES), []

    def note(progress: UploadProgress) -> None:
        if progress.stage is Stage.SENDING:
            began.append(time.perf_counter())

    async def send(photo: Path) -> ItemId:
        async with slots:
            return (await client.upload(photo, on_progress=note)).item.id

    async with TaskGroup() as tasks:
        sent = [tasks.create_task(send(photo)) for photo in photos]
    return min(began), [task.result() for task in sent]


if __name__ == "__main__":
    main()
