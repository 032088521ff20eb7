"""A disk of a few bytes for a test: a tmpfs, which only root can mount."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT_SECONDS = 30.0
RESERVE = "reserve"
MAX_TRIES = 100
"""Of filling a disk while others write to it."""


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a disk of this size (rounded up to whole pages) in a new folder, and unmount it afterwards."""
    folder.mkdir(mode=0o700)
    _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=700", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


def fill(disk: Path, *, leave_bytes: int = 0) -> None:
    """Use up the disk's free space. A process that was just paused may end its write only now: then try again."""
    with (disk / RESERVE).open("wb") as file:
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                os.posix_fallocate(file.fileno(), 0, free_bytes(disk) - leave_bytes)
            except OSError as error:
                if error.errno != errno.ENOSPC or not tries_left:
                    raise
            else:
                return


def free(disk: Path) -> None:
    """Undo `fill`."""
    (disk / RESERVE).unlink()


def free_bytes(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=LIMIT_SECONDS)  # noqa: S603  our own arguments
