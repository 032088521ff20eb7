"""Finds the files that a list of paths means: files as they are, folders with everything visible in them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LocalFile:
    path: Path
    size_bytes: int
    """As it was when it was found; 0 when even that could not be read."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    path: Path
    reason: str


def walk(paths: Sequence[Path]) -> Iterator[LocalFile | Unreadable]:
    """In order of name, one folder at a time in memory.

    Within folders hidden files and folders are skipped, and so is all that is neither a file nor a folder, symbolic
    links among it. What is named explicitly is taken as it is.
    """
    for path in dict.fromkeys(paths):
        try:
            if path.is_dir():
                yield from _walk_folder(path)
            else:
                yield LocalFile(path, path.stat().st_size)
        except (OSError, ValueError):
            yield LocalFile(path, 0)  # whoever opens it says what is wrong


def _walk_folder(folder: Path) -> Iterator[LocalFile | Unreadable]:
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
                yield LocalFile(path, entry.stat(follow_symlinks=False).st_size)
        except OSError as error:  # gone since it was listed
            yield Unreadable(path, f"cannot be read: {error.strerror}")
