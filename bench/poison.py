"""100 photos dropped at once, median time to ready: with 5 files among them whose decoder is killed at once / without.

Who kills is this benchmark: from outside, by what the original begins with. No file does it by itself any more.
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
from client.client import DarkroomClient
from client.commands.uploading import CONCURRENT_FILES
from shared.ids import ItemId
from shared.task_group import TaskGroup

FIGURES = ("poison_neighbours",)

PHOTOS, POISONED, WARM_UP = scaled(100, least=10), scaled(5), 4
TURNS = (False, True, True, False, True, False, False, True)
"""Whether poison is among them: whatever slows this machine down for a while, or ever more, falls on both alike."""
MARK = b"poison of a benchmark"
TEMPLATE = b"app.media.template"
POLL_SECONDS = 0.01
HEAD_BYTES = 256


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-poison-") as name:
        photos = make_different_photos(Path(name), WARM_UP + PHOTOS)
        poisons = [_poison(photo) for photo in photos[:POISONED]]
        with running_service(Path(name)) as url:
            asyncio.run(_measure(url, photos, poisons))


def _poison(photo: Path) -> Path:
    """Small enough that sending it costs the others little, large enough that it is killed before it is made."""
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
        raise SystemExit("not every poison was taken")
    print(f"figure poison_neighbours {sum(medians[True]) / sum(medians[False]):.3f}")


async def _median_ready(url: str, email: str, files: list[Path]) -> float:
    """From the first file's sending on; a new account each time, so that nothing is a duplicate."""
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
    """Kills each child that works on a poison, in the runs with and without alike; yields whom it has killed."""
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
    """The decoder templates of this machine; others' children hold no file with our mark."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if TEMPLATE in (process / "cmdline").read_bytes():
                yield int(process.name)


def _kill_poisoned(templates: list[int]) -> set[int]:
    killed = set()
    for template in templates:
        with suppress(OSError):
            for child in map(int, Path(f"/proc/{template}/task/{template}/children").read_text().split()):
                if _works_on_poison(child):
                    os.kill(child, signal.SIGKILL)
                    killed.add(child)
    return killed


def _works_on_poison(child: int) -> bool:
    """A child works in a folder beside its original."""
    with suppress(OSError), (Path(f"/proc/{child}/cwd").readlink().parent / "original").open("rb") as original:
        return MARK in original.read(HEAD_BYTES)
    return False


if __name__ == "__main__":
    main()
