"""Measure the service's overhead on a photo: `complete` returned to `item.ready` streamed / the media's own seconds.

30 photos of 12 MP one after another, through both tiers of an idle `darkroom up`.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.arrivals import Arrivals, arrivals, show_receipt, step_of
from bench.photos import make_different_photos
from bench.scale import scaled
from bench.service import register, running_service
from darkroom_client.client import DarkroomClient
from darkroom_shared.ids import ItemId

FIGURES = ("photo_ready_vs_media", "overhead_ms")

PHOTOS = scaled(30, minimum=3)
WARM_UP = 3


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-photo-ready-") as name:
        photos = make_different_photos(Path(name), WARM_UP + PHOTOS)
        with running_service(Path(name)) as url:
            asyncio.run(_measure(url, photos))


async def _measure(url: str, photos: list[Path]) -> None:
    async with register(url) as client, arrivals(client) as seen:
        for photo in photos[:WARM_UP]:
            await _ready_seconds(client, seen, photo)
        waited, media, items = [], [], []
        for photo in photos[WARM_UP:]:
            item, seconds = await _ready_seconds(client, seen, photo)
            made = await step_of(client, item, "make")
            items.append(item)
            waited.append(seconds)
            media.append(float(made.details["media_seconds"]))
        await show_receipt(client, items)
    ratio = median(wait / make for wait, make in zip(waited, media, strict=True))
    overhead = median(wait - make for wait, make in zip(waited, media, strict=True))
    print(f"ready after {median(waited) * 1e3:.0f} ms, of these {median(media) * 1e3:.0f} ms media")
    print(f"figure photo_ready_vs_media {ratio:.3f}")
    print(f"figure overhead_ms {overhead * 1e3:.1f}")


async def _ready_seconds(client: DarkroomClient, seen: Arrivals, photo: Path) -> tuple[ItemId, float]:
    item = (await client.upload(photo)).item.id
    completed_at = time.perf_counter()
    return item, await seen.ready_at(item) - completed_at


if __name__ == "__main__":
    main()
