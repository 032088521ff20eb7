"""Measure how soon a video's poster is available while the bulk lane is full: `complete` returned to the poster's
event.

The lane is filled with videos that take far longer than this benchmark; then phone videos are uploaded one by one.
"""

import asyncio
import subprocess
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from statistics import median

import imageio_ffmpeg

from bench.sample_videos import make_video
from bench.scale import scaled
from bench.service import register, running_service
from darkroom_client.client import DarkroomClient
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import ItemId

FIGURES = ("poster_s",)

SECONDS = 12
LONG_VIDEOS, REPEATS = 4, scaled(75)
"""Four videos of a quarter of an hour each: slower than real time on two cores, so more than an hour of work."""
VIDEOS = scaled(9)
MAX_SECONDS = 120.0


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-poster-") as name:
        folder = Path(name)
        video = make_video(folder, SECONDS)
        with running_service(folder) as url:
            asyncio.run(_measure(url, video, folder))


async def _measure(url: str, video: Path, folder: Path) -> None:
    async with register(url) as client:
        for number in range(LONG_VIDEOS):
            long_video = await asyncio.to_thread(_copy, video, folder / f"long_{number}.mp4", REPEATS + number)
            await client.upload(long_video)
        await _until_in_bulk(client)
        waited = []
        for number in range(VIDEOS):
            phone_video = await asyncio.to_thread(_copy, video, folder / f"phone_{number}.mp4", 1, f"video {number}")
            waited.append(await _poster_seconds(client, phone_video))
    print(f"posters after {', '.join(f'{seconds:.2f}' for seconds in waited)} s")
    print(f"figure poster_s {median(waited):.3f}")


async def _poster_seconds(client: DarkroomClient, video: Path) -> float:
    after = (await client.items.list(limit=1)).head
    item = (await client.upload(video)).item.id
    completed_at = time.perf_counter()
    return await _poster_at(client, item, after) - completed_at


async def _poster_at(client: DarkroomClient, item: ItemId, after: int) -> float:
    """Return the arrival time of the event that carries the poster."""
    async with asyncio.timeout(MAX_SECONDS), aclosing(client.events(after=after)) as events:
        async for event in events:
            match event:
                case Event(type=EventType.ITEM_UPDATED, subject=subject, data={"renditions": [_, *_]}):
                    if subject == item:
                        return time.perf_counter()
    raise RuntimeError("the stream ended")


async def _until_in_bulk(client: DarkroomClient) -> None:
    """Wait until every long video has passed the express lane and the first is being encoded."""
    async with asyncio.timeout(MAX_SECONDS):
        while True:
            page = await client.items.list(limit=LONG_VIDEOS)
            if all(item.renditions for item in page.items):
                return
            await asyncio.sleep(0.5)


def _copy(video: Path, target: Path, repeats: int, title: str = "") -> Path:
    """Repeat the video without re-encoding; the title makes it a different file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-stream_loop", str(repeats - 1)]
    command += ["-i", str(video), "-c", "copy", "-metadata", f"title={title or target.stem}", str(target)]
    subprocess.run(command, check=True)  # noqa: S603 - our own command
    return target


if __name__ == "__main__":
    main()
