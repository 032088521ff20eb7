"""The warm process that every decoder is forked from: libraries loaded, nothing inherited, no thread, no client."""

import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import pyvips

from app.media.image.animation import write_frames
from app.media.image.loop import PIPE_FILE
from app.media.image.renditions import make_image
from app.media.results import MediaError, Probe
from app.media.sandbox.check import find_allowed
from app.media.sandbox.confinement import become_encoder, confine, exit_with_parent, prepare
from app.media.sandbox.output_watch import POLL_SECONDS, bytes_written
from app.media.sandbox.protocol import (
    EXIT_CRASHED,
    EXIT_MADE,
    EXIT_NO_SPACE,
    EXIT_REFUSED,
    JOB_REPORT_ADAPTER,
    MAX_PACKET_BYTES,
    MAX_REPORT_BYTES,
    MAX_STDERR_BYTES,
    OUT_OF_MEMORY,
    REPORT_ADAPTER,
    REQUEST_ADAPTER,
    FailureReport,
    JobEnded,
    JobStarted,
    KillJob,
    MakeImage,
    ProbeVideo,
    Report,
    RunEncoder,
    StartCheck,
    StartJob,
    WriteFrames,
)
from app.media.space import is_full
from app.media.video.encoder import open_encoder
from app.media.video.join import write_joined
from app.media.video.probe import probe_video

# pyvips introspects an operation at its first use; done here, every child inherits the result. None is executed.
OPERATIONS = ("jpegload", "pngload", "webpload", "resize", "webpsave_buffer", "jpegsave_buffer", "addalpha")


@dataclass(frozen=True, slots=True)
class Child:
    """A running child. `started` is a time of the monotonic clock."""

    request: StartJob | StartCheck
    pid: int
    pidfd: int
    report_fd: int
    stderr: int
    started: float


def main(descriptor: int) -> None:
    """Serve the control socket until it closes; then this process and its children end."""
    exit_with_parent()
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)
    for operation in OPERATIONS:
        pyvips.voperation.Introspect.get(operation)
    prepare()
    os.close(open_encoder())  # finds and tests it once for all children
    gc.collect()
    gc.freeze()  # a collection in a child would otherwise touch, and so copy, every page
    with socket.socket(fileno=descriptor) as control:
        Template(control).serve()


class Template:
    """The process that decoders are forked from. It has loaded the libraries and opens no file of a user."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, Child] = {}
        self._reported: set[int] = set()
        """Jobs whose child was signalled because it has written too much."""
        self._next_check = 0.0
        # poll, unlike epoll, needs no descriptor of its own that a child would inherit.
        self._selector = selectors.PollSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve requests and reap children until the worker closes the socket."""
        while True:
            for key, _ in self._selector.select(POLL_SECONDS if self._children else None):
                if key.data is not None:
                    self._reap(self._children.pop(key.data))
                    continue
                packet = self._control.recv(MAX_PACKET_BYTES)
                if not packet:
                    return
                self._handle_request(REQUEST_ADAPTER.validate_json(packet))
            self._check_output()

    def _check_output(self) -> None:
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + POLL_SECONDS
        for job, child in self._children.items():
            if bytes_written(child.pid) > child.request.limits.output_bytes:
                # The signal names the limit; a child that ignores it is killed at the next check.
                os.killpg(child.pid, signal.SIGKILL if job in self._reported else signal.SIGXFSZ)
                self._reported.add(job)

    def _handle_request(self, request: StartJob | StartCheck | KillJob) -> None:
        match request:
            case StartJob() | StartCheck():
                self._fork(request)
            case KillJob(job=job) if job in self._children:
                # Not reaped yet, so its process id and group cannot belong to another process.
                os.killpg(self._children[job].pid, signal.SIGKILL)
            case KillJob():
                pass  # it ended while the request was in transit

    def _fork(self, request: StartJob | StartCheck) -> None:
        report_fd, report_write_fd = os.pipe()
        stderr, stderr_end = os.pipe()
        os.set_blocking(stderr_end, False)
        template = os.getpid()
        pid = os.fork()
        if pid == 0:
            _run_child(request, report_write_fd, stderr_end, template)
        os.close(report_write_fd)
        os.close(stderr_end)
        with contextlib.suppress(PermissionError):
            os.setpgid(pid, pid)  # refused if the child was faster: it has its group and is already the encoder
        child = Child(request, pid, os.pidfd_open(pid), report_fd, stderr, time.monotonic())
        self._children[request.job] = child
        self._selector.register(child.pidfd, selectors.EVENT_READ, data=request.job)
        self._control.send(JOB_REPORT_ADAPTER.dump_json(JobStarted(request.job, pid)))

    def _reap(self, child: Child) -> None:
        _, status, usage = os.wait4(child.pid, 0)
        self._reported.discard(child.request.job)
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        ended = JobEnded(
            job=child.request.job,
            exit_code=os.waitstatus_to_exitcode(status),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            wall_seconds=time.monotonic() - child.started,
            output=_drain(child.report_fd, MAX_REPORT_BYTES),
            stderr=_drain(child.stderr, MAX_STDERR_BYTES),
        )
        self._control.send(JOB_REPORT_ADAPTER.dump_json(ended))


def _drain(pipe: int, max_bytes: int) -> str:
    """Return the rest of the pipe after its writer has ended."""
    os.set_blocking(pipe, False)
    try:
        return os.read(pipe, max_bytes).decode("utf-8", "replace")
    except BlockingIOError:  # empty, and a grandchild still holds the other end
        return ""
    finally:
        os.close(pipe)


def _run_child(request: StartJob | StartCheck, report_fd: int, stderr: int, template: int) -> None:
    exit_code = EXIT_CRASHED
    try:
        os.setpgid(0, 0)
        exit_with_parent()
        if os.getppid() == template:  # otherwise the template ended before the line above took effect
            os.dup2(stderr, sys.stderr.fileno())
            source, folder = Path(request.source), Path(request.folder)
            match request:
                case StartJob():
                    encoder = open_encoder() if isinstance(request.work, RunEncoder) else None
                    confine(request.limits, folder, source=source, encoder=encoder, keep=report_fd)
                    exit_code = _work(request, report_fd, encoder)
                case StartCheck():
                    encoder = open_encoder() if request.becomes_encoder else None
                    confine(request.limits, folder, source=folder, encoder=encoder, keep=report_fd)
                    exit_code = _check(request, report_fd, encoder)
    except BaseException as error:  # noqa: BLE001  # this copy of the template ends here, nothing may reach its loop
        if isinstance(error, OSError) and is_full(error):
            exit_code = EXIT_NO_SPACE
        _report(report_fd, Report(crash=_where(error)))
    finally:
        os._exit(exit_code)


def _work(request: StartJob, report_fd: int, encoder: int | None) -> int:
    """Return the exit code; does not return if the process becomes the encoder."""

    def report_probe(probe: Probe) -> None:
        _report(report_fd, Report(probe=probe))

    source, folder = Path(request.source), Path(request.folder)
    try:
        match request.work:
            case MakeImage():
                _report(report_fd, Report(image=make_image(source, folder, on_probe=report_probe)))
            case WriteFrames(loop=loop):
                write_frames(source, loop, folder / PIPE_FILE)
            case ProbeVideo():
                _report(report_fd, Report(video=probe_video(source)))
            case RunEncoder(arguments=arguments, joins=rung):
                if rung is not None:
                    write_joined(folder, rung, source)
                assert encoder is not None  # noqa: S101  # opened for this kind of work
                become_encoder(encoder, arguments)
    except MediaError as error:
        _report(report_fd, Report(failure=FailureReport(error.code, error.message, error.passing)))
        return EXIT_REFUSED
    return EXIT_MADE


def _check(request: StartCheck, report_fd: int, encoder: int | None) -> int:
    _report(report_fd, Report(allowed=find_allowed(request.limits, Path(request.source))))
    if encoder is not None:
        become_encoder(encoder, ("-version",))
    return EXIT_MADE


def _report(report_fd: int, line: Report) -> None:
    os.write(report_fd, REPORT_ADAPTER.dump_json(line, exclude_defaults=True) + b"\n")


def _where(error: BaseException) -> str:
    """Return the error's type and our innermost line; the error's text may quote the file."""
    kind = OUT_OF_MEMORY if OUT_OF_MEMORY in str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(Path(__file__).parents[1])]
    return f"{kind} at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else kind
