"""The worker's way to media: one call per photo, each in a child of its own that cannot outlive the call."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.media.outcome import allowed_in, died, probe_in, result_of
from app.media.protocol import JobEnded, JobStarted, KillJob, StartCheck, StartJob
from app.media.results import EncodeProgress, Limit, MediaResult, RenditionFile, VideoFacts
from app.media.sandbox import Limits
from app.media.template_process import TemplateGone, TemplateProcess

# A killed child is reaped within milliseconds; a template that cannot even do that is killed itself.
KILL_SECONDS = 0.5


@dataclass(slots=True)
class Job:
    """A child under way. `ended` holds None when it was lost together with its template."""

    ended: asyncio.Future[JobEnded | None]
    pid: int | None = field(default=None)


class Decoders:
    """Call `start` in the main thread, before any client, thread or event loop exists; use it in one event loop."""

    def __init__(self, slots: int, limits: Limits, template: TemplateProcess) -> None:
        self._slots, self._limits = asyncio.Semaphore(slots), limits
        self._template: TemplateProcess | None = template
        self._listening = self._closed = False
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    @classmethod
    def start(cls, *, slots: int, limits: Limits | None = None) -> Self:
        """At most `slots` children run at once; further calls wait their turn."""
        return cls(slots, limits or Limits(), TemplateProcess.launch())

    @property
    def pids(self) -> tuple[int, ...]:
        """The children running now."""
        return tuple(job.pid for job in self._jobs.values() if job.pid is not None)

    @property
    def template_pid(self) -> int | None:
        return self._template.pid if self._template else None

    async def make_image(self, source: Path, folder: Path, *, limit_seconds: float) -> MediaResult:
        """Makes the recipe's files of `source` in the existing `folder`; without a result it leaves none there.

        `limit_seconds` counts from when a slot is free. Raises MediaError or DecoderDied. Cancelled, it returns when
        the child is gone.
        """
        ended = await self._run(lambda job: StartJob(job, *_paths(source, folder), self._limits), limit_seconds)
        return result_of(ended, self._limits)

    async def check_sandbox(self, outside: Path, folder: Path, *, limit_seconds: float) -> tuple[str, ...]:
        """What a child that works in `folder` was not refused, of all that the sandbox forbids; none is as it must be.

        `outside` is a folder of the caller's with a file `secret`. Raises DecoderDied when no child can be confined.
        """
        ended = await self._run(lambda job: StartCheck(job, *_paths(outside, folder), self._limits), limit_seconds)
        return allowed_in(ended, self._limits)

    async def _run(self, start: Callable[[int], StartJob | StartCheck], limit_seconds: float) -> JobEnded:
        """One child from start to end, in a slot of its own."""
        async with self._slots:
            number, job = self._begin(start)
            try:
                async with asyncio.timeout(limit_seconds):
                    ended = await asyncio.shield(job.ended)
            except TimeoutError as error:
                killed = await self._kill(number, job)
                probe = probe_in(killed) if killed else None
                reason = f"not done after {limit_seconds:g} s"
                raise died(reason, self._limits, signal_name="SIGKILL", limit=Limit.TIME, probe=probe) from error
            except asyncio.CancelledError:
                await self._kill(number, job)
                raise
            if ended is None:
                raise died("lost with the decoder template", self._limits)
            return ended

    async def probe_video(self, source: Path, folder: Path, *, limit_seconds: float) -> VideoFacts:
        """Refuses as MediaError what is no video that we can make; says nothing about its later frames."""
        raise NotImplementedError

    async def make_poster(self, source: Path, folder: Path, facts: VideoFacts, *, limit_seconds: float) -> Path:
        """`poster.png` in `folder`: a frame near the beginning, upright, in sRGB, for `make_image`."""
        raise NotImplementedError

    def encode_video(self, source: Path, folder: Path, facts: VideoFacts) -> "Encoding":
        """Enter it to start the encoder, iterate it to hear of its files, leave it to have no encoder any more."""
        raise NotImplementedError

    async def join_video(self, folder: Path, facts: VideoFacts, *, limit_seconds: float) -> RenditionFile:
        """`video.mp4` in `folder`, of the largest rung's files there, without encoding anything again."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Ends what still runs; its callers get DecoderDied."""
        self._closed = True
        self._bury_template()

    def _begin(self, start: Callable[[int], StartJob | StartCheck]) -> tuple[int, Job]:
        template = self._listen_to_template()
        number = next(self._numbers)
        job = self._jobs[number] = Job(asyncio.get_running_loop().create_future())
        try:
            template.send(start(number))
        except TemplateGone:
            self._bury_template()
        return number, job

    def _listen_to_template(self) -> TemplateProcess:
        if self._closed:
            raise RuntimeError("the decoders are closed")
        if self._template is None:
            self._template = TemplateProcess.launch()
        if not self._listening:
            asyncio.get_running_loop().add_reader(self._template.descriptor, self._hear, self._template)
            self._listening = True
        return self._template

    def _hear(self, template: TemplateProcess) -> None:
        try:
            for report in template.reports():
                match report:
                    case JobStarted(job=number, pid=pid):
                        self._jobs[number].pid = pid
                    case JobEnded(job=number):
                        _settle(self._jobs.pop(number), report)
        except TemplateGone:
            self._bury_template()

    async def _kill(self, number: int, job: Job) -> JobEnded | None:
        """Returns when the child is gone."""
        template = self._template
        if template is not None and not job.ended.done():
            try:
                template.send(KillJob(number))
            except TemplateGone:
                self._bury_template()
        try:
            async with asyncio.timeout(KILL_SECONDS):
                return await asyncio.shield(job.ended)
        except TimeoutError:
            self._bury_template()
            return await job.ended

    def _bury_template(self) -> None:
        """All of its children are lost with it; the next job starts another."""
        template, self._template = self._template, None
        if template is None:
            return
        if self._listening:
            asyncio.get_running_loop().remove_reader(template.descriptor)
            self._listening = False
        template.close()
        while self._jobs:
            _settle(self._jobs.popitem()[1], None)


class Encoding:
    """One encoder at work."""

    renditions: tuple[RenditionFile, ...] = ()
    """Once the iteration has ended: the storyboard and its track."""
    cpu_seconds: float = 0.0

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        raise NotImplementedError

    def __aiter__(self) -> AsyncIterator[EncodeProgress]:
        """Ends when the ladder is complete. Raises MediaError or DecoderDied."""
        raise NotImplementedError


def _paths(source: Path, folder: Path) -> tuple[str, str]:
    """Absolute, because the template stands elsewhere."""
    return str(source.absolute()), str(folder.absolute())


def _settle(job: Job, ended: JobEnded | None) -> None:
    if not job.ended.done():
        job.ended.set_result(ended)
