"""The data folder: created once, used by one supervisor at a time, never by a release older than its version."""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from local.startup_error import StartupError

VERSION = 1
MEBIBYTE = 1024 * 1024


class DataFolder:
    """The paths of all stored data; only `open_data_folder` creates one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys = path / "keys.json"
        self.database = path / "darkroom.db"
        self.tables = path / "tables.db"
        self.objects = path / "objects"
        self.cdn_keys = path / "cdn-keys.json"
        self.edge_keys = path / "edge-keys"
        self.valkey = path / "valkey"
        self.valkey_settings = path / "valkey.conf"
        self.scratch = path / "scratch"
        self.environment = path / "app.json"
        self.logs = path / "logs"
        self.certificate = path / "certificate.pem"
        self.certificate_key = path / "certificate-key.pem"


@contextlib.contextmanager
def open_data_folder(path: Path, free_bytes: int) -> Iterator[DataFolder]:
    """Open the folder and lock it while the context lasts. Raises StartupError if it cannot be created, written or
    locked.
    """
    path = path.expanduser().absolute()
    try:
        _make(path)
        with _locked(path):
            _check_version(path)
            _check_space(path, free_bytes)
            folder = DataFolder(path)
            for each in (folder.objects, folder.edge_keys, folder.valkey, folder.logs):
                each.mkdir(mode=0o700, exist_ok=True)
            yield folder
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StartupError(f"The disk of the data folder {path} is full.") from error
        if not isinstance(error.filename, str | Path) or not Path(error.filename).is_relative_to(path):
            raise
        raise StartupError(
            f"The data folder {path} cannot be used: {error.strerror}. Choose another with DARKROOM_DATA."
        ) from error


def _make(path: Path) -> None:
    """Create the folder; refuse one that contains other files."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = {entry.name for entry in path.iterdir()} - {"lost+found"}
    if names and not names & {"version", "lock"}:
        raise StartupError(f"The folder {path} holds something else: choose an empty one with DARKROOM_DATA.")
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise StartupError(
            f"The data folder {path} belongs to another user ({owner}): choose your own with DARKROOM_DATA."
        )
    path.chmod(0o700)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock the folder. The lock is the kernel's and ends with the process; the file's text only names the process to
    stop.
    """
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            raise StartupError(
                f"The data folder {path} is in use by process {holder}: stop it, or choose another with DARKROOM_DATA."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _check_version(path: Path) -> None:
    file = path / "version"
    if not file.exists():
        write_atomically(file, f"{VERSION}\n")
        return
    text = file.read_text(errors="replace").strip()
    if not text.isdecimal():
        raise StartupError(f"{file} is damaged: it should hold a number, such as {VERSION}.")
    if int(text) > VERSION:
        raise StartupError(
            f"The data folder {path} is of a newer Darkroom (its version is {text}, this one knows {VERSION}): "
            "install that one, or choose another folder with DARKROOM_DATA."
        )


def _check_space(path: Path, free_bytes: int) -> None:
    free = shutil.disk_usage(path).free
    if free < free_bytes:
        raise StartupError(
            f"The disk of the data folder {path} is full: {free // MEBIBYTE} MiB are free, "
            f"{free_bytes // MEBIBYTE} MiB are needed. Make room, or choose another folder with DARKROOM_DATA."
        )


def write_atomically(path: Path, text: str) -> None:
    """Create or replace a file: after a crash it has the old or the new content. Only its owner can read it."""
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
