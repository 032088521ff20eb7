"""The worker's interface to media: each call runs in a child process that cannot outlive the call."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from app.media.image.loop import FRAMES_LIMITS, LOOP_FILE, LOOP_LIMITS, PIPE_FILE, loop_command
from app.media.results import Limit, Loop, MediaResult, RenditionFile, VideoFacts
from app.media.sandbox.confinement import Limits
from app.media.sandbox.outcome import (
    allowed_in,
    crashed,
    facts_of,
    probe_in,
    require_encoded,
    require_success,
    result_of,
)
from app.media.sandbox.protocol import (
    EXIT_MADE,
    JobEnded,
    JobStarted,
    KillJob,
    MakeImage,
    ProbeVideo,
    RunEncoder,
    StartCheck,
    StartJob,
    Work,
    WriteFrames,
)
from app.media.sandbox.template_process import TemplateGone, TemplateProcess
from app.media.video.commands import JOINED_FILE, MOVIE_FILE, POSTER_FILE, join_command, ladder_command, poster_command
from app.media.video.encoding import Encoding
from app.media.video.errors import damaged
from app.media.video.files import is_whole, rendition_of
from app.media.video.limits import JOIN_LIMITS, LADDER_LIMITS, POSTER_LIMITS, PROBE_LIMITS
from app.media.video.recipe import ladder_of

Request = StartJob | StartCheck

# A killed child is reaped within milliseconds; a template that fails to do that is killed itself.
KILL_SECONDS = 0.5


@dataclass(slots=True)
class Job:
    """A running child. The result of `ended` is None if the child was lost together with its template."""

    ended: asyncio.Future[JobEnded | None]
    pid: int | None = field(default=None)


class Decoders:
    """Pool of child processes. Call `start` in the main thread, before any client, thread or event loop exists.

    Use it in one event loop only.
    """

    def __init__(self, slots: int, encoders: int, limits: Limits, template: TemplateProcess) -> None:
        self._slots, self._encoders, self._limits = asyncio.Semaphore(slots), asyncio.Semaphore(encoders), limits
        self._template: TemplateProcess | None = template
        self._listening = self._closed = False
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    @classmethod
    def start(cls, *, slots: int, encoders: int = 1, limits: Limits | None = None) -> Self:
        """Start with at most `slots` short children and `encoders` long ones at once; further calls wait.

        `limits` apply to photos.
        """
        return cls(slots, encoders, limits or Limits(), TemplateProcess.launch())

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the running children."""
        return tuple(job.pid for job in self._jobs.values() if job.pid is not None)

    @property
    def template_pid(self) -> int | None:
        return self._template.pid if self._template else None

    async def make_image(self, source: Path, folder: Path, *, limit_seconds: float) -> MediaResult:
        """Make the recipe's files of `source` in the existing `folder`, which is left empty if there is no result.

        `limit_seconds` counts from when a slot is free. Raises MediaError or DecoderCrashed. A cancelled call returns
        when the child has ended. All this applies to the other calls, too.
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
        raise damaged()

    @asynccontextmanager
    async def encode_video(self, source: Path, folder: Path, facts: VideoFacts) -> AsyncIterator[Encoding]:
        """Start the encoder; iterate the result to receive files; on exit the encoder has ended.

        It writes into the existing, empty `folder`, which is emptied unless the encoder succeeds.
        """
        command = ladder_command(source, facts)
        request = _start(RunEncoder(command), source, folder, LADDER_LIMITS)
        async with self._encoders:
            number, job = self._begin(request)
            try:
                yield Encoding(folder, facts, request, job.ended)
            finally:
                await self._kill(number, job)

    async def join_video(self, folder: Path, facts: VideoFacts, *, limit_seconds: float) -> RenditionFile:
        """Make `video.mp4` in `folder` of the largest rung's files there, without encoding again."""
        joined, rung = folder / JOINED_FILE, ladder_of(facts)[-1]
        request = _start(RunEncoder(join_command(joined), rung.name), joined, folder, JOIN_LIMITS)
        require_encoded(await self._run(request, limit_seconds, self._encoders, facts), request, facts)
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
        pipe.unlink()
        movie = await asyncio.to_thread(
            rendition_of, folder / LOOP_FILE, "video", "video/mp4", (loop.width, loop.height)
        )
        if movie is None:
            raise crashed("no MP4", encoder)
        return movie

    async def _run_together(self, requests: tuple[StartJob, ...], limit_seconds: float) -> None:
        """Run children that wait for each other: the first failure ends all of them, and is raised."""
        begun = [(request, *self._begin(request)) for request in requests]
        waiting = {job.ended: request for request, _, job in begun}
        try:
            async with asyncio.timeout(limit_seconds):
                while waiting:
                    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for future in done:
                        request, ended = waiting.pop(future), future.result()
                        if ended is None:
                            raise crashed("lost with the decoder template", request)
                        require_success(ended, request)
        except TimeoutError as error:
            reason = f"not done after {limit_seconds:g} s"
            raise crashed(reason, requests[-1], signal_name="SIGKILL", limit=Limit.TIME) from error
        finally:
            for _, number, job in begun:
                await self._kill(number, job)

    async def _run(
        self,
        request: Request,
        limit_seconds: float,
        slots: asyncio.Semaphore,
        facts: VideoFacts | None = None,
    ) -> JobEnded:
        """Run one child from start to end in a slot. `facts` are for its crash report."""
        async with slots:
            number, job = self._begin(request)
            try:
                async with asyncio.timeout(limit_seconds):
                    ended = await asyncio.shield(job.ended)
            except TimeoutError as error:
                killed = await self._kill(number, job)
                probe = facts or (probe_in(killed) if killed else None)
                reason = f"not done after {limit_seconds:g} s"
                raise crashed(reason, request, signal_name="SIGKILL", limit=Limit.TIME, probe=probe) from error
            except asyncio.CancelledError:
                await self._kill(number, job)
                raise
            if ended is None:
                raise crashed("lost with the decoder template", request, probe=facts)
            return ended

    async def aclose(self) -> None:
        """End all children; their callers get DecoderCrashed."""
        self._closed = True
        self._discard_template()

    def _begin(self, request: Request) -> tuple[int, Job]:
        template = self._listen_to_template()
        number = next(self._numbers)
        job = self._jobs[number] = Job(asyncio.get_running_loop().create_future())
        try:
            template.send(replace(request, job=number))
        except TemplateGone:
            self._discard_template()
        return number, job

    def _listen_to_template(self) -> TemplateProcess:
        if self._closed:
            raise RuntimeError("the decoders are closed")
        if self._template is None:
            self._template = TemplateProcess.launch()
        if not self._listening:
            asyncio.get_running_loop().add_reader(self._template.descriptor, self._receive, self._template)
            self._listening = True
        return self._template

    def _receive(self, template: TemplateProcess) -> None:
        try:
            for report in template.reports():
                match report:
                    case JobStarted(job=number, pid=pid):
                        self._jobs[number].pid = pid
                    case JobEnded(job=number):
                        _settle(self._jobs.pop(number), report)
        except TemplateGone:
            self._discard_template()

    async def _kill(self, number: int, job: Job) -> JobEnded | None:
        """Kill the child; return when it has ended."""
        template = self._template
        if template is not None and not job.ended.done():
            try:
                template.send(KillJob(number))
            except TemplateGone:
                self._discard_template()
        # No asyncio.timeout: on Python 3.11.2 it raises no TimeoutError in a task that is being cancelled, as may be
        # the case.
        await asyncio.wait([job.ended], timeout=KILL_SECONDS)
        if not job.ended.done():
            self._discard_template()
        return await job.ended

    def _discard_template(self) -> None:
        """Close the template, with which all its children end; the next job starts another one."""
        template, self._template = self._template, None
        if template is None:
            return
        if self._listening:
            asyncio.get_running_loop().remove_reader(template.descriptor)
            self._listening = False
        template.close()
        while self._jobs:
            _settle(self._jobs.popitem()[1], None)


def _start(work: Work, source: Path, folder: Path, limits: Limits) -> StartJob:
    """Return a request; its number is set when it is sent."""
    return StartJob(0, *_paths(source, folder), limits, work)


def _paths(source: Path, folder: Path) -> tuple[str, str]:
    """Return absolute paths, because the template has another working directory."""
    return str(source.absolute()), str(folder.absolute())


def _settle(job: Job, ended: JobEnded | None) -> None:
    if not job.ended.done():
        job.ended.set_result(ended)
