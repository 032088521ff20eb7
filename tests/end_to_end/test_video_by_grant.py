"""Play a video with its grant alone, as a player without a session does; no log contains its secrets."""

import asyncio
import subprocess
from contextlib import aclosing
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import imageio_ffmpeg

from darkroom_client.client import DarkroomClient
from darkroom_shared.events import Event, EventType, Progress
from darkroom_shared.ids import ItemId, new_ulid
from darkroom_shared.items import ItemState
from tests.installation import Installation
from tests.items.hls_rules import read_main, read_media
from tests.worker.sample_videos import a_video

PASSWORD = "a long enough password"
SECONDS, RATE = 30, 10
PLENTY_SECONDS = 60
TYPES = {".mp4": "video/mp4", ".m4s": "video/mp4"}


async def collect_events(client: DarkroomClient, item: ItemId) -> tuple[list[str], list[Progress]]:
    """Return the event types and the progress that the stream sent for the item, to its end."""
    types: list[str] = []
    progress: list[Progress] = []
    async with asyncio.timeout(PLENTY_SECONDS), aclosing(client.events(after=0)) as events:
        async for event in events:
            if isinstance(event, Progress) and event.id == item:
                progress.append(event)
            elif isinstance(event, Event) and event.subject == item:
                types.append(event.type)
                if event.type is EventType.ITEM_READY:
                    break
    return types, progress


async def test_a_video_can_be_played_to_its_end_with_its_grant_alone(darkroom: Installation, tmp_path: Path) -> None:
    email = f"{new_ulid().lower()}@example.org"
    video = tmp_path / "film.mp4"
    await asyncio.to_thread(lambda: video.write_bytes(a_video(seconds=SECONDS, rate=RATE, size="640x360")))
    async with DarkroomClient(darkroom.url) as client, httpx.AsyncClient(timeout=60) as anonymous:
        await client.sessions.register(email, PASSWORD)
        await client.sessions.sign_in(email, PASSWORD)
        item = (await client.upload(video)).item.id
        types, progress = await collect_events(client, item)
        assert types == ["item.created", "item.updated", "item.playable", "item.ready"]
        assert progress
        assert [each.percent for each in progress] == sorted(each.percent for each in progress)
        results = await client.items.require(item)
        assert results.state is ItemState.READY
        assert results.playlist_url is not None
        main = darkroom.url + results.playlist_url
        segments = await parts_of_it(anonymous, main)
        assert len(segments) >= SECONDS // 2
        frames = await asyncio.to_thread(decoded_frames, main)
        assert frames == SECONDS * RATE
        movie = next(each for each in results.renditions if each.name == "video")
        assert movie.url is not None
        part = await anonymous.get(movie.url, headers={"Range": "bytes=0-99"})
        assert (part.status_code, len(part.content)) == (206, 100)
        await client.items.delete(item)
        assert (await anonymous.get(main)).status_code == 404
    secrets = {parse_qs(urlsplit(main).query)["grant"][0], parse_qs(urlsplit(segments[0]).query)["Signature"][0]}
    for log in sorted((darkroom.folder / "logs").iterdir()):
        text = await asyncio.to_thread(log.read_text, errors="replace")
        assert [secret for secret in secrets if secret in text] == [], log.name


async def parts_of_it(anonymous: httpx.AsyncClient, main: str) -> list[str]:
    """Return the signed URLs of one rung. Each opens without credentials, from any origin."""
    response = await anonymous.get(main)
    (rung, *_) = read_main(response.text)
    media = read_media((await anonymous.get(urljoin(main, rung))).text)
    assert media.ended
    for uri in media.uris:
        part = await anonymous.get(uri)
        assert part.status_code == 200
        assert part.headers["content-type"] == TYPES[Path(urlsplit(uri).path).suffix]
        assert part.headers["access-control-allow-origin"] == "*"
        assert (await anonymous.get(uri.replace("Signature=", "Signature=x"))).status_code == 403
    return media.uris


def decoded_frames(main: str) -> int:
    """Return the number of frames that a player decodes when it knows only the URL."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-allowed_extensions", "ALL", "-i", main]
    command += ["-map", "0:v:0", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PLENTY_SECONDS, check=False)  # noqa: S603  a program that comes with the tests
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return sum(not line.startswith("#") for line in done.stdout.splitlines())
