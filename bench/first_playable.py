"""Measure how soon a video is playable: first claim to `playable` / first claim to `ready`, through an idle `darkroom
up`.

The video is 60 s of 1080p; the times are those of the receipt.
"""

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path

from bench.arrivals import arrivals
from bench.sample_videos import make_video
from bench.scale import scaled
from bench.service import register, running_service
from darkroom_shared.items import ReceiptStep

FIGURES = ("first_playable",)

SECONDS = scaled(60, minimum=12)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-first-playable-") as name:
        video = make_video(Path(name), SECONDS)
        with running_service(Path(name)) as url:
            asyncio.run(_measure(url, video))


async def _measure(url: str, video: Path) -> None:
    async with register(url) as client, arrivals(client) as seen:
        item = (await client.upload(video)).item.id
        await seen.ready_at(item)
        steps = (await client.items.receipt(item)).steps
    claimed, playable, ready = (_moment(steps, name) for name in ("claimed", "playable", "ready"))
    to_playable, to_ready = (playable - claimed).total_seconds(), (ready - claimed).total_seconds()
    print(f"playable {to_playable:.1f} s and ready {to_ready:.1f} s after the first claim, {SECONDS} s of 1080p")
    print(f"figure first_playable {to_playable / to_ready:.3f}")


def _moment(steps: tuple[ReceiptStep, ...], name: str) -> datetime:
    """Return the time of the first step of that name."""
    return next(step.at for step in steps if step.step == name)


if __name__ == "__main__":
    main()
