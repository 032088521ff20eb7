"""The running children of one decoder template: starts them, receives their ends, and kills them."""

import asyncio
import itertools
import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.media.sandbox.outcome import Interrupted
from app.media.sandbox.protocol import EXIT_MADE, JobEnded, JobStarted, KillJob, StartCheck, StartJob
from app.media.sandbox.template_process import TemplateGone, TemplateProcess

KILL_SECONDS = 5.0
"""A killed child is reaped within milliseconds, on a loaded machine within a second. A template that fails to do that
is closed, which interrupts the children of all other items.
"""


@dataclass(slots=True)
class Job:
    """A running child. `ended` has the way in which the child was lost if its template ended before it did."""

    number: int
    folder: Path
    ended: asyncio.Future[JobEnded | Interrupted]
    pid: int | None = field(default=None)


class Children:
    """Use it in one event loop only. If the template has ended, the next job starts another one."""

    def __init__(self, template: TemplateProcess) -> None:
        self._template: TemplateProcess | None = template
        self._listening = self._closed = False
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(job.pid for job in self._jobs.values() if job.pid is not None)

    @property
    def template_pid(self) -> int | None:
        return self._template.pid if self._template else None

    def begin(self, request: StartJob | StartCheck) -> Job:
        """Start a child; the caller kills it, or awaits its end."""
        template = self._listen_to_template()
        number = next(self._numbers)
        job = Job(number, Path(request.folder), asyncio.get_running_loop().create_future())
        self._jobs[number] = job
        try:
            template.send(replace(request, job=number))
        except TemplateGone:
            self._discard_template()
        return job

    async def kill(self, job: Job) -> JobEnded | Interrupted:
        """Kill the child unless it has ended; return when it has."""
        if self._template is not None and not job.ended.done():
            try:
                self._template.send(KillJob(job.number))
            except TemplateGone:
                self._discard_template()
        # No asyncio.timeout: on Python 3.11.2 it raises no TimeoutError in a task that is being cancelled, as may be
        # the case.
        await asyncio.wait([job.ended], timeout=KILL_SECONDS)
        if not job.ended.done():
            self._discard_template(cause=job)
        return await job.ended

    async def end(self, *jobs: Job) -> None:
        """Kill the children that have not ended. Unless all had succeeded, empty their folder, which they share."""
        ends = [await self.kill(job) for job in jobs]
        if any(isinstance(ended, JobEnded) and ended.exit_code != EXIT_MADE for ended in ends):
            await asyncio.to_thread(_discard_files, jobs[0].folder)

    def close(self) -> None:
        """End all children, and accept no more."""
        self._closed = True
        self._discard_template()

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

    def _discard_template(self, *, cause: Job | None = None) -> None:
        """Close the template, with which all its children end; the next job starts another one.

        With a `cause`, which the template failed to kill, the other jobs did not cause it. A template that ended by
        itself may have been ended by any of them, for example by its use of memory.
        """
        template, self._template = self._template, None
        if template is None:
            return
        if self._listening:
            asyncio.get_running_loop().remove_reader(template.descriptor)
            self._listening = False
        template.close()
        while self._jobs:
            job = self._jobs.popitem()[1]
            _settle(job, Interrupted.TEMPLATE_ENDED if cause is None or job is cause else Interrupted.TEMPLATE_CLOSED)


def _settle(job: Job, ended: JobEnded | Interrupted) -> None:
    if not job.ended.done():
        job.ended.set_result(ended)


def _discard_files(folder: Path) -> None:
    """Delete what a failed child may have left: complete files, partial ones, a spill file of libvips.

    Not the template's work: it would kill no child meanwhile, and thousands of segments take seconds on a slow disk.
    """
    with suppress(FileNotFoundError):  # the caller may have removed the folder already
        for left in folder.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
