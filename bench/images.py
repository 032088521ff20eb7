"""Measure renditions per second of a folder of 12 MP photos: ours with its children, Pillow scripts, a bare pyvips
chain.

All make the same sizes at the same quality and effort, with as many processes, in turns; medians count. Exits with 1
if any of our files differs too much from Pillow's.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from app.media.decoders import Decoders
from app.media.recipe import RECIPE
from bench.image_scripts import pillow_opening_each, pillow_opening_once, prepare, similarity, vips_chain
from bench.photos import make_photos
from bench.scale import scaled

FIGURES = ("image_vs_pillow", "image_vs_vips")
_PHOTOS = scaled(12, minimum=2)
_PROCESSES = 2
_REPEATS = scaled(7, minimum=2)
_MIN_SIMILARITY = 0.95
_LIMIT_SECONDS = 120.0

Script = Callable[[Path, Path], float]


@dataclass(slots=True)
class Candidate:
    name: str
    script: Script | None
    wall_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return _PHOTOS * len(RECIPE) / statistics.median(self.wall_seconds)

    def folder(self, place: Path, photo: Path) -> Path:
        return place / self.name.replace(" ", "_") / photo.stem


def main() -> int:
    decoders = Decoders.start(slots=_PROCESSES)  # before any thread exists, as in the worker
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessPoolExecutor(_PROCESSES, get_context("spawn"), initializer=prepare) as pool,
    ):
        return asyncio.run(_compare(decoders, pool, Path(name)))


async def _compare(decoders: Decoders, pool: ProcessPoolExecutor, place: Path) -> int:
    ours = Candidate("ours", None)
    pillow = Candidate("pillow opening each", pillow_opening_each)
    once = Candidate("pillow opening once", pillow_opening_once)
    vips = Candidate("vips chain", vips_chain)
    candidates = [ours, pillow, once, vips]
    photos = await asyncio.to_thread(_make_place, place, candidates)
    for turn in range(_REPEATS + 1):
        # Each candidate starts a round in turn, so that none always profits from an idle or a warm machine.
        for candidate in candidates[turn % 4 :] + candidates[: turn % 4]:
            await _run(candidate, decoders, pool, photos, place)
        if turn == 0:  # the first turn only warms caches, templates and pools
            for candidate in candidates:
                candidate.wall_seconds.clear()
                candidate.cpu_seconds.clear()
    await decoders.aclose()
    for candidate in candidates:
        cpu = statistics.median(candidate.cpu_seconds) / _PHOTOS
        print(f"{candidate.name:20} {candidate.rate:6.2f} renditions/s, {cpu:.3f} CPU seconds a photo")
    alike = await _all_alike(ours, pillow, pool, photos, place)
    print(f"figure image_vs_pillow {_median_ratio(pillow, ours):.3f}")
    print(f"figure image_vs_vips {_median_ratio(vips, ours):.3f}")
    return 0 if alike else 1


def _make_place(place: Path, candidates: list[Candidate]) -> list[Path]:
    photos = make_photos(place, _PHOTOS)
    for candidate in candidates:
        for photo in photos:
            candidate.folder(place, photo).mkdir(parents=True)
    return photos


async def _run(
    candidate: Candidate, decoders: Decoders, pool: ProcessPoolExecutor, photos: list[Path], place: Path
) -> None:
    async def one(photo: Path) -> float:
        folder = candidate.folder(place, photo)
        if candidate.script is None:
            return (await decoders.make_image(photo, folder, limit_seconds=_LIMIT_SECONDS)).cpu_seconds
        return await asyncio.get_running_loop().run_in_executor(pool, candidate.script, photo, folder)

    started = time.perf_counter()
    cpu_seconds = await asyncio.gather(*map(one, photos))
    candidate.wall_seconds.append(time.perf_counter() - started)
    candidate.cpu_seconds.append(sum(cpu_seconds))


def _median_ratio(baseline: Candidate, ours: Candidate) -> float:
    """Return the median of the ratios per round, because both sides of a round ran under the same conditions."""
    return statistics.median(a / b for a, b in zip(baseline.wall_seconds, ours.wall_seconds, strict=True))


async def _all_alike(
    ours: Candidate, pillow: Candidate, pool: ProcessPoolExecutor, photos: list[Path], place: Path
) -> bool:
    loop = asyncio.get_running_loop()
    pairs = [
        (ours.folder(place, photo) / recipe.file, pillow.folder(place, photo) / recipe.file)
        for photo in photos
        for recipe in RECIPE
    ]
    measured = await asyncio.gather(*(loop.run_in_executor(pool, similarity, *pair) for pair in pairs))
    print(
        f"similarity to Pillow's (SSIM): {min(measured):.4f} at least, {statistics.median(measured):.4f} in the middle"
    )
    return min(measured) >= _MIN_SIMILARITY


if __name__ == "__main__":
    sys.exit(main())
