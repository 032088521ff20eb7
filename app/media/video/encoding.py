"""The worker's view of a running encoder: its progress, and which files are complete."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from app.media.results import EncodeProgress, Limit, RenditionFile, VideoFacts
from app.media.sandbox.outcome import Interrupted, crashed, interrupted, require_disk, require_encoded
from app.media.sandbox.protocol import EXIT_MADE, JobEnded, StartJob
from app.media.space import MIN_FREE_BYTES_OF_LADDERS, require_space, require_writable
from app.media.video.errors import damaged
from app.media.video.files import rendition_of
from app.media.video.recipe import ladder_of
from app.media.video.storyboard import SPRITE_FILE, TRACK_FILE, storyboard_of
from app.media.video.watch import Implausible, LadderWatch

POLL_SECONDS = 0.25
# Ten times what the slowest second of a legal video takes on a small machine.
STALLED_SECONDS = 300.0
# A truncated video is still worth encoding; one with less than this share of its length is not.
MIN_ENCODED_SHARE = 0.5


class Encoding:
    """Iterate it once. `encode_video`, which created it, ends the encoder."""

    def __init__(
        self, folder: Path, facts: VideoFacts, request: StartJob, ended: asyncio.Future[JobEnded | Interrupted]
    ) -> None:
        self._folder, self._facts, self._request, self._ended = folder, facts, request, ended
        self._watch = LadderWatch(folder, ladder_of(facts))
        self.renditions: tuple[RenditionFile, ...] = ()
        """After the iteration: the storyboard and its track."""
        self.cpu_seconds = 0.0
        """After the iteration: CPU time of the encoder."""

    async def __aiter__(self) -> AsyncIterator[EncodeProgress]:
        """Yield progress until the ladder is complete. Raises MediaError, DecoderCrashed, OSError (a full disk)."""
        loop = asyncio.get_running_loop()
        moved_at = loop.time()
        while not (await asyncio.wait({self._ended}, timeout=POLL_SECONDS))[0]:
            before = self._watch.encoded_seconds
            files = await self._check()
            if files or self._watch.encoded_seconds > before:
                yield EncodeProgress(self._watch.encoded_seconds, files)
                moved_at = loop.time()
            elif loop.time() - moved_at > STALLED_SECONDS:
                reason = f"the encoder's clock stood still for {STALLED_SECONDS:g} s"
                raise crashed(reason, self._request, limit=Limit.STALLED, probe=self._facts)
        ended = self._ended.result()
        if isinstance(ended, Interrupted):
            raise interrupted(ended, self._request, probe=self._facts)
        self.cpu_seconds = ended.cpu_seconds
        if ended.exit_code != EXIT_MADE:
            await asyncio.to_thread(require_disk, ended, self._folder)
        require_encoded(ended, self._request, self._facts)
        yield await self._finish()

    async def _check(self) -> tuple[Path, ...]:
        try:
            return await asyncio.to_thread(self._poll)
        except Implausible as error:
            await asyncio.to_thread(require_writable, self._folder)
            raise crashed(f"unexpected files of {error}", self._request, probe=self._facts) from error

    def _poll(self) -> tuple[Path, ...]:
        """Return the new files. Raises OSError if the disk was full at any poll: later segments may be truncated."""
        try:
            return self._watch.poll()
        finally:
            require_space(self._folder, MIN_FREE_BYTES_OF_LADDERS)

    async def _finish(self) -> EncodeProgress:
        """Return the last files, and the storyboard."""
        files = await self._check()
        await asyncio.to_thread(require_writable, self._folder)
        seconds = self._watch.made_seconds
        # The encoder ends each playlist that it begins, however little of the video it can decode.
        if self._watch.began and not self._watch.complete:
            raise crashed("a playlist without its end", self._request, probe=self._facts)
        if not self._watch.complete or seconds < self._facts.duration_seconds * MIN_ENCODED_SHARE:
            raise damaged()
        self.renditions = await asyncio.to_thread(self._storyboard, seconds)
        return EncodeProgress(seconds, (*files, *(self._folder / rendition.file for rendition in self.renditions)))

    def _storyboard(self, seconds: float) -> tuple[RenditionFile, ...]:
        storyboard = storyboard_of(self._facts)
        (self._folder / TRACK_FILE).write_text(storyboard.track(seconds))
        size = (storyboard.width, storyboard.height)
        made = (
            rendition_of(self._folder / SPRITE_FILE, "storyboard", "image/jpeg", size),
            rendition_of(self._folder / TRACK_FILE, "storyboard_track", "text/vtt", None),
        )
        if None in made:
            raise crashed("no storyboard", self._request, probe=self._facts)
        return tuple(rendition for rendition in made if rendition)
