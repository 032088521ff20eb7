"""Video items in each state of their life, without any media files."""

import hashlib
from decimal import Decimal

from app.items.schema.keys import playlist_file, rendition_key
from app.items.schema.row import ItemRow, Ladder, Lane, Result, Rung, StoredRendition
from app.items.service.playlists import MediaPlaylist, Segment, write_playlist
from darkroom_shared.ids import new_ulid
from darkroom_shared.items import ItemKind
from tests.services import Services

RECIPE = "3f9c0d2e1b4a"
RUNGS = (
    Rung("360p", 640, 360, "avc1.64001e,mp4a.40.2", 1_028_000),
    Rung("720p", 1280, 720, "avc1.64001f,mp4a.40.2", 3_328_000),
)
DURATION_SECONDS = 9.5
WHOLE = 5
"""Segments of each rung of the complete video."""


def poster(attempt: int, duration_seconds: float = DURATION_SECONDS) -> Result:
    small = StoredRendition("small", "small.webp", "image/webp", 400, 225, 9, "0" * 64, RECIPE, attempt)
    return Result(RECIPE, attempt, 1280, 720, None, "AAAA", None, (small,), duration_seconds)


def ladder(attempt: int) -> Ladder:
    return Ladder(RECIPE, attempt, 29.97, RUNGS)


async def in_bulk(services: Services, duration_seconds: float = DURATION_SECONDS) -> ItemRow:
    """Return a video that waits for its second stage in the bulk lane."""
    row = await services.queued(new_ulid().encode())
    claimed = await services.work.claim(row.account_id, row.item_id)
    return await services.work.hand_off(claimed, ItemKind.VIDEO, poster(claimed.attempt, duration_seconds), [])


async def claimed_in_bulk(services: Services, row: ItemRow | None = None) -> ItemRow:
    row = row or await in_bulk(services)
    return await services.work.claim(row.account_id, row.item_id, Lane.BULK)


async def playable(services: Services, claimed: ItemRow, segments: int = 3) -> ItemRow:
    await grow(services, claimed, segments)
    return await services.work.play(claimed, ladder(claimed.attempt), [])


async def ready(services: Services, claimed: ItemRow) -> ItemRow:
    await playable(services, claimed)
    return await finish(services, claimed)


async def finish(services: Services, claimed: ItemRow) -> ItemRow:
    await grow(services, claimed, WHOLE, ended=True)
    return await services.work.finish(claimed, ItemKind.VIDEO, poster(claimed.attempt), [], ladder(claimed.attempt))


async def grow(services: Services, claimed: ItemRow, segments: int, *, ended: bool = False) -> None:
    """Store playlists that list `segments` segments of each rung in S3."""
    for rung in RUNGS:
        files = tuple(
            Segment(f"{rung.name}_{number:05d}.m4s", Decimal("2.000000" if number < WHOLE - 1 else "1.500000"))
            for number in range(segments)
        )
        body = write_playlist(MediaPlaylist(f"{rung.name}_init.mp4", 2, files, ended)).encode()
        key = rendition_key(claimed.account_id, claimed.item_id, RECIPE, claimed.attempt, playlist_file(rung.name))
        digest = hashlib.sha256(body).hexdigest()
        await services.base.amazon.objects.write(
            key, body, content_type="text/plain", sha256_hex=digest, cache_control="no-store"
        )
