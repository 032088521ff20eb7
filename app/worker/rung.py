"""Upload of one rung to S3: each segment is written once, and the playlist again after every batch."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from app.items.schema.keys import playlist_file, rendition_key
from app.items.schema.row import ItemRow
from app.items.schema.row import Rung as StoredRung
from app.items.service.playlists import MediaPlaylist, Segment, write_playlist
from app.media.recipe import recipe_hash
from app.media.results import MediaError
from app.media.video.recipe import Rung
from app.stores.s3 import ObjectStore
from app.worker.files import RENDITION_CACHE_CONTROL
from darkroom_shared.items import FailureCode
from darkroom_shared.task_group import TaskGroup

CONCURRENCY = 4
"""Concurrent uploads of segments."""
PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
SEGMENT_TYPE = "video/mp4"
NOTHING_MADE = "The encoder ended without having made anything. Trying again may help."


class RungUpload:
    """`listed` counts the segments in the playlist stored in S3; `is_complete` is True once that playlist is final."""

    def __init__(
        self, *, objects: ObjectStore, claimed: ItemRow, folder: Path, rung: Rung, target_seconds: int
    ) -> None:
        self._objects, self._claimed, self._folder = objects, claimed, folder
        self._rung, self._target_seconds = rung, target_seconds
        self._playlist: MediaPlaylist | None = None
        self._reported: set[str] = set()
        self._changed, self._ended = asyncio.Event(), False
        self._initialisation_stored = False
        self._sizes: list[tuple[int, Decimal]] = []
        self.listed = 0
        self.is_complete = False

    def add_files(self, files: set[str], playlist: MediaPlaylist | None) -> None:
        """Take the files that the encoder has reported, and its playlist if it has changed."""
        self._reported |= files
        self._playlist = playlist or self._playlist
        self._changed.set()

    def end(self) -> None:
        """Announce that the encoder has ended: `run` stores what is left and returns."""
        self._ended = True
        self._changed.set()

    async def run(self, listed: Callable[[], None]) -> None:
        """Run until `end` and the last file; call `listed` after each new playlist. Raises MediaError, Unavailable."""
        while not self.is_complete:
            self._changed.clear()
            over = self._ended
            for batch in self._batches():
                await self._store(batch)
                if not over:
                    await self._write_playlist(ended=False)
                    listed()
            if over:
                await self._write_playlist(ended=True)
                self.is_complete = True
                listed()
            else:
                await self._changed.wait()

    def described(self) -> StoredRung:
        """Return the rung for the main playlist; bandwidth is the recipe's bound until all segments are measured."""
        seconds = sum(seconds for _, seconds in self._sizes)
        average = int(sum(size for size, _ in self._sizes) * 8 / seconds) if self.is_complete and seconds else None
        # A last segment of a few frames contains a key frame and is not representative of a second (RFC 8216, section
        # 4.1).
        counted = [int(size * 8 / each) for size, each in self._sizes if each * 2 >= self._target_seconds]
        bound = self._rung.max_bits_per_second
        bandwidth = max([average, *counted] if average else [bound, *counted])
        return StoredRung(self._rung.name, self._rung.width, self._rung.height, self._rung.codecs, bandwidth, average)

    def _batches(self) -> list[Sequence[Segment]]:
        """Return batches of segments that are not uploaded yet, up to the first file that was not reported."""
        if self._playlist is None or self._playlist.initialisation not in self._reported:
            return []
        fresh = self._playlist.segments[len(self._sizes) :]
        whole = next((index for index, each in enumerate(fresh) if each.file not in self._reported), len(fresh))
        return [fresh[start : min(start + CONCURRENCY, whole)] for start in range(0, whole, CONCURRENCY)]

    async def _store(self, batch: Sequence[Segment]) -> None:
        if self._playlist is not None and not self._initialisation_stored:
            await self._upload(self._playlist.initialisation)
            self._initialisation_stored = True
        async with TaskGroup() as uploads:
            tasks = [uploads.create_task(self._upload(segment.file)) for segment in batch]
        self._sizes += [(task.result(), segment.seconds) for task, segment in zip(tasks, batch, strict=True)]

    async def _upload(self, file: str) -> int:
        path = self._folder / file
        return await self._objects.upload_small_file(
            self._key(file), path, content_type=SEGMENT_TYPE, cache_control=RENDITION_CACHE_CONTROL
        )

    async def _write_playlist(self, *, ended: bool) -> None:
        if self._playlist is None:
            raise MediaError(FailureCode.INTERNAL, NOTHING_MADE, passing=True)
        segments = self._playlist.segments[: len(self._sizes)]
        body = write_playlist(
            MediaPlaylist(self._playlist.initialisation, self._target_seconds, segments, ended)
        ).encode()
        await self._objects.write(
            self._key(playlist_file(self._rung.name)),
            body,
            content_type=PLAYLIST_TYPE,
            sha256_hex=hashlib.sha256(body).hexdigest(),
            cache_control="private, no-store",
        )
        self.listed = len(segments)

    def _key(self, file: str) -> str:
        return rendition_key(
            self._claimed.account_id, self._claimed.item_id, recipe_hash(), self._claimed.attempt, file
        )
