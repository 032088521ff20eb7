"""Measure 100 photos uploaded together, median time to ready: with 5 files whose decoder is killed at once / without.

The benchmark itself kills the decoders, from outside, by the first bytes of the original. No known file crashes a
decoder by itself.
"""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median

from PIL import Image

from bench.arrivals import arrivals
from bench.photos import make_different_photos
from bench.scale import scaled
from bench.service import register, running_service
from darkroom_client.client import DarkroomClient
from darkroom_client.commands.uploading import CONCURRENT_FILES
from darkroom_shared.ids import ItemId
from darkroom_shared.task_group import TaskGroup

FIGURES = ("poison_neighbours",)

PHOTOS, POISONED, WARM_UP = scaled(100, minimum=10), scaled(5), 4
TURNS = (False, True, True, False, True, False, False, True)
"""Whether the turn includes poisoned files; the order spreads any slowdown of the machine evenly over both kinds."""
MARK = b"poison of a benchmark"
TEMPLATE = b"app.media.sandbox.template"
POLL_SECONDS = 0.01
HEAD_BYTES = 256


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-poison-") as name:
        photos = make_different_photos(Path(name), WARM_UP + PHOTOS)
        poisons = [_poison(photo) for photo in photos[:POISONED]]
        with running_service(Path(name)) as url:
            asyncio.run(_measure(url, photos, poisons))


def _poison(photo: Path) -> Path:
    """Make a photo small enough to cost the others little upload time, large enough to be killed before it is made."""
    target = photo.with_name(f"poison_{photo.name}")
    with Image.open(photo) as image:
        image.resize((image.width // 2, image.height // 2)).save(target, comment=MARK + photo.name.encode())
    return target


async def _measure(url: str, photos: list[Path], poisons: list[Path]) -> None:
    batch = photos[WARM_UP:]
    mixed = list(batch)
    for number, poison in enumerate(poisons):
        mixed.insert(1 + number * len(batch) // POISONED, poison)
    medians: dict[bool, list[float]] = {False: [], True: []}
    async with _killing() as killed:
        await _median_ready(url, "warm@example.com", photos[:WARM_UP])
        for number, poisoned in enumerate(TURNS):
            files = mixed if poisoned else batch
            seconds = await _median_ready(url, f"round{number}@example.com", files)
            medians[poisoned].append(seconds)
            print(f"median time to ready of {len(files)} files: {seconds:.2f} s, {len(killed)} decoders killed")
    if len(killed) < TURNS.count(True) * POISONED:
        raise SystemExit("not every poisoned file was processed")
    print(f"figure poison_neighbours {sum(medians[True]) / sum(medians[False]):.3f}")


async def _median_ready(url: str, email: str, files: list[Path]) -> float:
    """Measure from the first file's upload on; a new account each time, so that nothing is a duplicate."""
    async with register(url, email) as client, arrivals(client) as seen:
        began_at = time.perf_counter()
        items = await _drop(client, files)
        good = [item for item, file in zip(items, files, strict=True) if not file.name.startswith("poison")]
        return median([await seen.ready_at(item) - began_at for item in good])


async def _drop(client: DarkroomClient, files: list[Path]) -> list[ItemId]:
    slots = asyncio.Semaphore(CONCURRENT_FILES)

    async def send(file: Path) -> ItemId:
        async with slots:
            return (await client.upload(file)).item.id

    async with TaskGroup() as tasks:
        sent = [tasks.create_task(send(file)) for file in files]
    return [task.result() for task in sent]


@asynccontextmanager
async def _killing() -> AsyncIterator[set[int]]:
    """Kill each child that works on a poisoned file; also runs in turns without them. Yields the killed process ids."""
    killed: set[int] = set()

    async def poll() -> None:
        while True:
            killed.update(await asyncio.to_thread(_kill_poisoned, templates))
            await asyncio.sleep(POLL_SECONDS)

    templates = await asyncio.to_thread(lambda: list(_templates()))
    watching = asyncio.create_task(poll())
    try:
        yield killed
    finally:
        watching.cancel()


def _templates() -> Iterator[int]:
    """Return the decoder templates on this machine; other services' children hold no file with our mark."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if TEMPLATE in (process / "cmdline").read_bytes():
                yield int(process.name)


def _kill_poisoned(templates: list[int]) -> set[int]:
    killed = set()
    for template in templates:
        with suppress(OSError):
            for child in map(int, Path(f"/proc/{template}/task/{template}/children").read_text().split()):
                if _processes_poisoned_file(child):
                    os.kill(child, signal.SIGKILL)
                    killed.add(child)
    return killed


def _processes_poisoned_file(child: int) -> bool:
    """Return True if the original beside the child's working folder has our mark."""
    with suppress(OSError), (Path(f"/proc/{child}/cwd").readlink().parent / "original").open("rb") as original:
        return MARK in original.read(HEAD_BYTES)
    return False


if __name__ == "__main__":
    main()
