"""Find the files that a list of paths means: files themselves, folders with all visible files in them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ListedFile:
    path: Path
    size_bytes: int
    """The size when listed; 0 if it could not be read."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    path: Path
    reason: str


def walk(paths: Sequence[Path]) -> Iterator[ListedFile | Unreadable]:
    """Yield files in order of name; only one folder at a time is in memory.

    Within folders, hidden files and folders are skipped, and everything that is neither a file nor a folder, symbolic
    links included. Paths named explicitly are taken as they are.
    """
    for path in dict.fromkeys(paths):
        try:
            if path.is_dir():
                yield from _walk_folder(path)
            else:
                yield ListedFile(path, path.stat().st_size)
        except (OSError, ValueError):
            yield ListedFile(path, 0)  # opening it reports the error


def _walk_folder(folder: Path) -> Iterator[ListedFile | Unreadable]:
    try:
        with os.scandir(folder) as entries:
            visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda each: each.name)
    except OSError as error:
        yield Unreadable(folder, f"cannot be listed: {error.strerror}")
        return
    for entry in visible:
        path = folder / entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk_folder(path)
            elif entry.is_file(follow_symlinks=False):
                yield ListedFile(path, entry.stat(follow_symlinks=False).st_size)
        except OSError as error:  # removed since it was listed
            yield Unreadable(path, f"cannot be read: {error.strerror}")
