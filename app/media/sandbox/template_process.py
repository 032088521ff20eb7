"""The worker's end of the decoder template: starts the process, sends requests, receives reports."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from app.media.sandbox.confinement import MIB
from app.media.sandbox.protocol import (
    JOB_REPORT_ADAPTER,
    MAX_PACKET_BYTES,
    REQUEST_ADAPTER,
    JobEnded,
    JobStarted,
    KillJob,
    StartCheck,
    StartJob,
)

# `-I` hides the environment and the current folder, so the location of our packages is an argument.
LAUNCH = "import sys; sys.path.append(sys.argv[1]); from app.media.sandbox.template import main; main(int(sys.argv[2]))"
ROOT = Path(__file__).resolve().parents[3]

# The template's whole environment; nothing is inherited. A child lives for one photo, so it keeps the memory that it
# frees (a second decode then causes no page faults), in huge pages if the kernel has them: 6 % of a photo's CPU
# seconds. One arena, because glibc would reserve 64 MB of the limited address space for every thread of libvips.
MALLOC = {"hugetlb": 1, "arena_max": 1, "mmap_threshold": 32 * MIB, "trim_threshold": 512 * MIB}
ENVIRONMENT = {"GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in MALLOC.items())}


class TemplateGone(Exception):
    """The template has closed its end: it has ended or is ending, and its children with it."""


class TemplateProcess:
    """One run of the template. Start it in the main thread: the template ends with the thread that started it."""

    def __init__(self, process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        self._process, self._control = process, control

    @classmethod
    def launch(cls) -> Self:
        """Start the process. Requests may be sent immediately; it handles them once it has loaded the libraries."""
        ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            descriptor = other.fileno()
            process = subprocess.Popen(  # noqa: S603  # our own interpreter and our own code
                [sys.executable, "-I", "-c", LAUNCH, str(ROOT), str(descriptor)],
                env=ENVIRONMENT,
                pass_fds=(descriptor,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is for the worker, which ends its children itself
            )
        ours.setblocking(False)
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def descriptor(self) -> int:
        """The control socket, readable when reports have arrived."""
        return self._control.fileno()

    def send(self, request: StartJob | StartCheck | KillJob) -> None:
        """Send without waiting: the slots limit the packets in the socket's buffer to a few. Raises TemplateGone."""
        try:
            self._control.send(REQUEST_ADAPTER.dump_json(request))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise TemplateGone from error

    def reports(self) -> Iterator[JobStarted | JobEnded]:
        """Yield the reports that have arrived. Raises TemplateGone."""
        while True:
            try:
                packet = self._control.recv(MAX_PACKET_BYTES)
            except BlockingIOError:
                return
            except ConnectionResetError as error:
                raise TemplateGone from error
            if not packet:
                raise TemplateGone
            yield JOB_REPORT_ADAPTER.validate_json(packet)

    def kill(self) -> None:
        """Kill the template; its children end by themselves (PR_SET_PDEATHSIG)."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process and wait for its end, which takes milliseconds."""
        self._control.close()
        self._process.kill()
        self._process.wait()
