"""The folder for a worker's temporary files: it holds users' originals, so no other user may own or read it."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE_MODE = 0o700


class NotPrivate(Exception):
    """The folder is not safe for users' files; the text is one line for the operator."""


@contextmanager
def scratch_folder(root: Path | None) -> Iterator[Path]:
    """Yield a folder for this process only; first remove what killed workers left behind. Raises NotPrivate."""
    root = root or Path(tempfile.gettempdir()) / f"darkroom-scratch-{os.geteuid()}"
    _require_private(root)
    for left in root.iterdir():
        if left.name.isdigit() and not Path("/proc", left.name).exists():
            shutil.rmtree(left, ignore_errors=True)
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
        raise NotPrivate(f"The scratch folder {folder} cannot be used: {error.strerror}.") from error
    reason = _reason(status)
    if reason:
        raise NotPrivate(f"The scratch folder {folder} {reason}: set DARKROOM_SCRATCH_FOLDER to one of your own.")


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
