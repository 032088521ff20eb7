"""The folder for a worker's temporary files: it holds users' originals, so no other user may own or read it.

It needs a disk: files in memory would take what the decoders need, and /tmp is in memory on Debian 13 and Amazon Linux.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings import ScratchDisk

PRIVATE_MODE = 0o700
MIN_FREE_BYTES = 256 * 1024 * 1024
"""A worker does not start with less. Attempts begin, and ladders go on, with less than that."""
IN_MEMORY = frozenset({"tmpfs", "ramfs"})


class ScratchUnusable(Exception):
    """The folder is unfit for users' files; the text is one line for the operator."""


@contextmanager
def scratch_folder(root: Path, required: ScratchDisk = ScratchDisk.STRICT) -> Iterator[Path]:
    """Yield a folder for this process only; first remove what killed workers left behind. Raises ScratchUnusable."""
    _require_private(root)
    for left in root.iterdir():
        if left.name.isdigit() and not Path("/proc", left.name).exists():
            shutil.rmtree(left, ignore_errors=True)
    _require_space(root)
    if required is ScratchDisk.STRICT:
        _require_disk(root)
    own = root / str(os.getpid())
    own.mkdir(mode=PRIVATE_MODE, exist_ok=True)
    _require_private(own)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _require_private(folder: Path) -> None:
    """Make the folder if it is missing, then check it: in a shared directory another user may have made it."""
    try:
        folder.mkdir(mode=PRIVATE_MODE, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise ScratchUnusable(f"The scratch folder {folder} cannot be used: {error.strerror}.") from error
    reason = _reason(status)
    if reason:
        raise ScratchUnusable(f"The scratch folder {folder} {reason}: set DARKROOM_SCRATCH_FOLDER to one of your own.")


def _require_space(root: Path) -> None:
    status = os.statvfs(root)
    free = status.f_bavail * status.f_frsize
    if free < MIN_FREE_BYTES:
        raise ScratchUnusable(
            f"The disk of the scratch folder {root} has {free} bytes free: {MIN_FREE_BYTES} are needed."
        )


def _require_disk(root: Path) -> None:
    file_system = file_system_of(root)
    if file_system in IN_MEMORY:
        raise ScratchUnusable(
            f"The scratch folder {root} is in memory ({file_system}): set DARKROOM_SCRATCH_FOLDER to one on a disk, or "
            "accept it with DARKROOM_SCRATCH_DISK=relaxed."
        )


def file_system_of(folder: Path) -> str | None:
    """Return the type of the mount that the folder is on, as /proc/self/mountinfo names it; None if it names none."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split(" ")[2] == number:
            return source.split(" ")[0]
    return None


def _reason(status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(status.st_mode):
        return "is not a folder"
    if status.st_uid != os.geteuid():
        return f"belongs to another user ({status.st_uid})"
    if stat.S_IMODE(status.st_mode) & 0o077:
        return f"is open to others (mode {stat.S_IMODE(status.st_mode):o})"
    return None
