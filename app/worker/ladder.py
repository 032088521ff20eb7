"""Upload of a video's ladder to S3; it decides when the video can be played."""

import asyncio
from collections.abc import Iterable
from fractions import Fraction
from math import floor
from pathlib import Path

from app.items.schema.keys import playlist_file
from app.items.schema.row import ItemRow, Ladder
from app.items.service.playlists import MediaPlaylist, read_playlist
from app.media.recipe import recipe_hash
from app.media.results import VideoFacts
from app.media.video.recipe import SEGMENT_SECONDS, ladder_of
from app.stores.s3 import ObjectStore
from app.worker.rung import RungUpload
from darkroom_shared.task_group import TaskGroup

PLAYABLE_SEGMENTS = 3
"""Segments of every rung that a player needs before it starts."""


class LadderUpload:
    """The upload of one attempt. `run` ends after `end` was called and all is stored; `add_files` takes new ones."""

    def __init__(self, *, objects: ObjectStore, claimed: ItemRow, folder: Path, facts: VideoFacts) -> None:
        self._rate, self._attempt, self._folder = Fraction(facts.output_rate), claimed.attempt, folder
        # Cuts fall on frames, so a segment may be one frame longer than requested.
        target_seconds = floor(SEGMENT_SECONDS + 1 / self._rate + Fraction(1, 2))
        self._rungs = {
            rung.name: RungUpload(
                objects=objects, claimed=claimed, folder=folder, rung=rung, target_seconds=target_seconds
            )
            for rung in ladder_of(facts)
        }
        self.playable = asyncio.Event()

    async def add_files(self, files: Iterable[Path]) -> None:
        """Take the files that the encoder has reported."""
        reported = {file.name for file in files}
        for name, rung in self._rungs.items():
            playlist = await self._read(playlist_file(name)) if playlist_file(name) in reported else None
            rung.add_files(reported, playlist)

    async def _read(self, file: str) -> MediaPlaylist | None:
        return read_playlist(await asyncio.to_thread((self._folder / file).read_text))

    def end(self) -> None:
        """Mark the end: no files follow."""
        for rung in self._rungs.values():
            rung.end()

    async def run(self) -> None:
        """Store all rungs. Raises MediaError, Unavailable."""
        async with TaskGroup() as tasks:
            for rung in self._rungs.values():
                tasks.create_task(rung.run(self._check_playable))

    def ladder(self) -> Ladder:
        """Return the ladder as far as it is known; complete after `run`."""
        rungs = tuple(rung.described() for rung in self._rungs.values())
        return Ladder(recipe_hash(), self._attempt, round(float(self._rate), 3), rungs)

    def _check_playable(self) -> None:
        if all(rung.listed >= PLAYABLE_SEGMENTS or rung.is_complete for rung in self._rungs.values()):
            self.playable.set()
