"""Hash a file part by part, in threads: the digest that identifies it to the service, and each part's digest."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

from darkroom_client.files import LocalFile
from darkroom_shared.task_group import TaskGroup, first_of
from darkroom_shared.uploads import SINGLE_PUT_BYTES, part_size_bytes, parts_digest, whole_digest

CONCURRENT_HASHES = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileDigest:
    digest: str
    """In the wire format."""
    parts: tuple[Part, ...]
    """One part that covers the whole file if it is sent in one PUT."""


async def digest_file(file: LocalFile, slots: asyncio.Semaphore, on_bytes: Callable[[int], None]) -> FileDigest:
    """Hash the file. `slots` bounds the threads of all files together. Raises UnusableFile, FileChanged."""
    done_bytes = 0

    async def hashed(number: int, offset: int, length: int) -> Part:
        nonlocal done_bytes
        async with slots:
            sha256 = await file.sha256(offset, length)
        done_bytes += length
        on_bytes(done_bytes)
        return Part(number, offset, length, sha256)

    size, step = file.size_bytes, part_size_bytes(file.size_bytes)
    try:
        async with TaskGroup() as group:
            tasks = [
                group.create_task(hashed(number, offset, min(step, size - offset)))
                for number, offset in enumerate(range(0, size, step), 1)
            ]
    except BaseExceptionGroup as failures:  # all tasks fail for one reason
        raise first_of(failures) from failures
    parts = tuple(task.result() for task in tasks)
    if size <= SINGLE_PUT_BYTES:
        return FileDigest(whole_digest(parts[0].sha256), parts)
    return FileDigest(parts_digest([part.sha256 for part in parts]), parts)
