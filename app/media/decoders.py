"""The worker's interface to media: each call runs in a child process that cannot outlive the call."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from app.media.image.loop import FRAMES_LIMITS, LOOP_FILE, LOOP_LIMITS, PIPE_FILE, loop_command
from app.media.results import Limit, Loop, MediaResult, RenditionFile, VideoFacts
from app.media.sandbox.children import Children, Job
from app.media.sandbox.confinement import Limits
from app.media.sandbox.outcome import (
    Interrupted,
    allowed_in,
    crashed,
    facts_of,
    interrupted,
    probe_in,
    require_disk,
    require_encoded,
    require_success,
    result_of,
)
from app.media.sandbox.protocol import (
    EXIT_MADE,
    JobEnded,
    MakeImage,
    ProbeVideo,
    RunEncoder,
    StartCheck,
    StartJob,
    Work,
    WriteFrames,
)
from app.media.sandbox.template_process import TemplateProcess
from app.media.space import require_writable
from app.media.video.commands import JOINED_FILE, MOVIE_FILE, POSTER_FILE, join_command, ladder_command, poster_command
from app.media.video.encoding import Encoding
from app.media.video.errors import damaged
from app.media.video.files import is_whole, rendition_of
from app.media.video.limits import JOIN_LIMITS, LADDER_LIMITS, POSTER_LIMITS, PROBE_LIMITS
from app.media.video.recipe import ladder_of

Request = StartJob | StartCheck


class Decoders:
    """Pool of child processes. Call `start` in the main thread, before any client, thread or event loop exists.

    Use it in one event loop only.
    """

    def __init__(self, slots: int, encoders: int, limits: Limits, template: TemplateProcess) -> None:
        self._slots, self._encoders, self._limits = asyncio.Semaphore(slots), asyncio.Semaphore(encoders), limits
        self._children = Children(template)

    @classmethod
    def start(cls, *, slots: int, encoders: int = 1, limits: Limits | None = None) -> Self:
        """Start with at most `slots` short children and `encoders` long ones at once; further calls wait.

        `limits` apply to photos.
        """
        return cls(slots, encoders, limits or Limits(), TemplateProcess.launch())

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the running children."""
        return self._children.pids

    @property
    def template_pid(self) -> int | None:
        return self._children.template_pid

    async def make_image(self, source: Path, folder: Path, *, limit_seconds: float) -> MediaResult:
        """Make the recipe's files of `source` in the existing `folder`, which is left empty if there is no result.

        `limit_seconds` counts from when a slot is free. Raises MediaError, DecoderCrashed, or OSError if the disk is
        full. A cancelled call returns when the child has ended. All this applies to the other calls, too.
        """
        request = _start(MakeImage(), source, folder, self._limits)
        return result_of(await self._run(request, limit_seconds, self._slots), request)

    async def check_sandbox(self, outside: Path, folder: Path, *, limit_seconds: float) -> frozenset[str]:
        """Return the forbidden operations that children in `folder` could perform all the same; it must be empty.

        `outside` is a folder of the caller with a file `secret`. Raises DecoderCrashed if a child cannot be confined
        or cannot become the encoder.
        """
        allowed: set[str] = set()
        for limits, becomes_encoder in ((self._limits, False), (LADDER_LIMITS, True)):
            request = StartCheck(0, *_paths(outside, folder), limits, becomes_encoder)
            allowed |= set(allowed_in(await self._run(request, limit_seconds, self._slots), request))
        return frozenset(allowed)

    async def probe_video(self, source: Path, folder: Path, *, limit_seconds: float) -> VideoFacts:
        """Return a video's facts. Raises MediaError for a file that we cannot convert; later frames are not checked."""
        request = _start(ProbeVideo(), source, folder, PROBE_LIMITS)
        return facts_of(await self._run(request, limit_seconds, self._slots), request)

    async def make_poster(self, source: Path, folder: Path, facts: VideoFacts, *, limit_seconds: float) -> Path:
        """Make `poster.png` in `folder`: a frame near the beginning, upright, in sRGB, for `make_image`.

        `limit_seconds` applies to each of two attempts: where there should be frames, and at the very beginning.
        """
        poster = folder / POSTER_FILE
        for from_start in (False, True):
            command = poster_command(source, facts, from_start=from_start)
            request = _start(RunEncoder(command), source, folder, POSTER_LIMITS)
            ended = await self._run(request, limit_seconds, self._slots, facts)
            if ended.exit_code == EXIT_MADE and is_whole(poster):
                return poster
        require_encoded(ended, request, facts)
        await asyncio.to_thread(require_writable, folder)
        raise damaged()

    @asynccontextmanager
    async def encode_video(self, source: Path, folder: Path, facts: VideoFacts) -> AsyncIterator[Encoding]:
        """Start the encoder; iterate the result to receive files; on exit the encoder has ended.

        It writes into the existing, empty `folder`, which is emptied unless the encoder succeeds.
        """
        command = ladder_command(source, facts)
        request = _start(RunEncoder(command), source, folder, LADDER_LIMITS)
        async with self._encoders:
            job = self._children.begin(request)
            try:
                yield Encoding(folder, facts, request, job.ended)
            finally:
                await self._children.end(job)

    async def join_video(self, folder: Path, facts: VideoFacts, *, limit_seconds: float) -> RenditionFile:
        """Make `video.mp4` in `folder` of the largest rung's files there, without encoding again."""
        joined, rung = folder / JOINED_FILE, ladder_of(facts)[-1]
        request = _start(RunEncoder(join_command(joined), rung.name), joined, folder, JOIN_LIMITS)
        require_encoded(await self._run(request, limit_seconds, self._encoders, facts), request, facts)
        await asyncio.to_thread(require_writable, folder)
        joined.unlink()
        size = (rung.width, rung.height)
        movie = await asyncio.to_thread(rendition_of, folder / MOVIE_FILE, "video", "video/mp4", size)
        if movie is None:
            raise crashed("no MP4", request, probe=facts)
        return movie

    async def make_loop(self, source: Path, folder: Path, loop: Loop, *, limit_seconds: float) -> RenditionFile:
        """Make `video.mp4` in `folder` of the animation `source`: one child decodes, another encodes."""
        pipe = folder / PIPE_FILE
        await asyncio.to_thread(os.mkfifo, pipe)
        frames = _start(WriteFrames(loop), source, folder, FRAMES_LIMITS)
        encoder = _start(RunEncoder(loop_command(pipe, loop)), pipe, folder, LOOP_LIMITS)
        async with self._slots:
            await self._run_together((frames, encoder), limit_seconds)
        await asyncio.to_thread(require_writable, folder)
        pipe.unlink()
        movie = await asyncio.to_thread(
            rendition_of, folder / LOOP_FILE, "video", "video/mp4", (loop.width, loop.height)
        )
        if movie is None:
            raise crashed("no MP4", encoder)
        return movie

    async def _run_together(self, requests: tuple[StartJob, ...], limit_seconds: float) -> None:
        """Run children that wait for each other: the first failure ends all of them, and is raised."""
        begun = [(request, self._children.begin(request)) for request in requests]
        waiting = {job.ended: (request, job) for request, job in begun}
        try:
            async with asyncio.timeout(limit_seconds):
                while waiting:
                    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for future in done:
                        request, job = waiting.pop(future)
                        require_success(await _result(job, request), request)
        except TimeoutError as error:
            reason = f"not done after {limit_seconds:g} s"
            raise crashed(reason, requests[-1], signal_name="SIGKILL", limit=Limit.TIME) from error
        finally:
            await self._children.end(*(job for _, job in begun))

    async def _run(
        self,
        request: Request,
        limit_seconds: float,
        slots: asyncio.Semaphore,
        facts: VideoFacts | None = None,
    ) -> JobEnded:
        """Run one child from start to end in a slot. `facts` are for its crash report."""
        async with slots:
            job = self._children.begin(request)
            try:
                async with asyncio.timeout(limit_seconds):
                    await asyncio.shield(job.ended)
                return await _result(job, request, facts)
            except TimeoutError as error:
                killed = await self._children.kill(job)
                probe = facts or (None if isinstance(killed, Interrupted) else probe_in(killed))
                reason = f"not done after {limit_seconds:g} s"
                raise crashed(reason, request, signal_name="SIGKILL", limit=Limit.TIME, probe=probe) from error
            finally:
                await self._children.end(job)

    async def aclose(self) -> None:
        """End all children; their callers get DecoderCrashed."""
        self._children.close()


async def _result(job: Job, request: Request, facts: VideoFacts | None = None) -> JobEnded:
    """Return the end of a job that has ended. Raises DecoderCrashed if it was lost, OSError if the disk was full."""
    ended = await job.ended
    if isinstance(ended, Interrupted):
        raise interrupted(ended, request, probe=facts)
    if ended.exit_code != EXIT_MADE:
        await asyncio.to_thread(require_disk, ended, job.folder)
    return ended


def _start(work: Work, source: Path, folder: Path, limits: Limits) -> StartJob:
    """Return a request; its number is set when it is sent."""
    return StartJob(0, *_paths(source, folder), limits, work)


def _paths(source: Path, folder: Path) -> tuple[str, str]:
    """Return absolute paths, because the template has another working directory."""
    return str(source.absolute()), str(folder.absolute())
