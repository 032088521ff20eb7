"""Operations that a confined child attempts at the worker's start, to prove that the sandbox is effective."""

import mmap
import os
import resource
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.media.sandbox.confinement import MIB, Limits

SYSTEM_ACCOUNTS = Path("/etc/shadow")
SECRET, FORBIDDEN = "secret", "forbidden"
"""Files in a folder outside the sandbox: one that must not be read, and one that must not be created."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that the sandbox must refuse. `needs_landlock`: only Landlock refuses it."""

    name: str
    run: Callable[[], object]
    needs_landlock: bool = False


def forbidden_attempts(limits: Limits, outside: Path) -> tuple[Attempt, ...]:
    """Return everything that the sandbox promises to refuse; the last one would end a child that is not confined."""
    return (
        Attempt("read a file outside", lambda: (outside / SECRET).read_bytes(), needs_landlock=True),
        Attempt("read /etc/shadow", SYSTEM_ACCOUNTS.read_bytes, needs_landlock=True),
        Attempt("list a folder outside", lambda: list(outside.iterdir()), needs_landlock=True),
        Attempt("write a file outside", lambda: (outside / FORBIDDEN).write_bytes(b""), needs_landlock=True),
        Attempt("change a mode outside", lambda: (outside / SECRET).chmod(0o600)),
        Attempt("open a socket", lambda: socket.socket(socket.AF_INET).close()),
        Attempt("open a socket on this machine", lambda: socket.socket(socket.AF_UNIX).close()),
        Attempt("start a process", _fork),
        Attempt("take too much memory", lambda: mmap.mmap(-1, limits.address_space_bytes + MIB).close()),
        Attempt("raise its limits", lambda: resource.setrlimit(resource.RLIMIT_CPU, (9, resource.RLIM_INFINITY))),
        Attempt("signal another process", lambda: os.kill(os.getppid(), 0)),
        Attempt("leave its process group", os.setsid),
        Attempt("start a program", lambda: os.execv(sys.executable, [sys.executable, "-c", ""])),  # noqa: S606
    )


def find_allowed(limits: Limits, outside: Path) -> tuple[str, ...]:
    """Return the names of the attempts that were not refused."""
    return tuple(attempt.name for attempt in forbidden_attempts(limits, outside) if not _is_refused(attempt))


def needing_landlock() -> frozenset[str]:
    """Return the names of the attempts that only Landlock refuses."""
    return frozenset(attempt.name for attempt in forbidden_attempts(Limits(), Path()) if attempt.needs_landlock)


def _is_refused(attempt: Attempt) -> bool:
    try:
        attempt.run()
    except (OSError, ValueError):  # `resource` raises ValueError if it is refused
        return True
    return False


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
