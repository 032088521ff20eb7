"""Download originals and renditions to a temporary file, verify it, then rename it, never over another file."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from darkroom_client.errors import DamagedCopy, LinkExpired, TransferRefused, UnusableFile
from darkroom_client.files import CHUNK_BYTES
from darkroom_client.retry import TRANSFER_RETRIES, retried
from darkroom_client.storage import Storage
from darkroom_shared.uploads import part_size_bytes

LINK_RENEWALS = 5
PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Expected:
    """What the downloaded bytes must match."""

    size_bytes: int
    digest: str | None
    """One of the two forms of an item's digest; None for renditions, which are checked by size only."""


LinkSource = Callable[[], Awaitable[str]]


async def download(
    storage: Storage,
    link: LinkSource,
    target: Path,
    expected: Expected,
    *,
    force: bool = False,
    on_bytes: Callable[[int], None] | None = None,
) -> None:
    """Download to `target`; after an interruption, continue with the missing rest.

    `link` returns a signed URL and is called again after one has expired. Raises UnusableFile if `target` exists
    (unless `force`) or cannot be written, DamagedCopy if the bytes do not match `expected`; in both cases no partial
    file remains.
    """
    partial = await asyncio.to_thread(_begin, target, force)
    try:
        with partial:
            await _fetch(storage, link, partial, on_bytes)
            await asyncio.to_thread(_require_expected, partial, expected)
        await asyncio.to_thread(_move, Path(partial.name), target, force)
    finally:  # also on cancellation: a partial file must not stay
        _discard(Path(partial.name))


async def _fetch(
    storage: Storage, link: LinkSource, partial: IO[bytes], on_bytes: Callable[[int], None] | None
) -> None:
    url = await link()

    async def attempt() -> None:
        async with storage.get(url, offset=partial.tell()) as response:
            if response.status_code != PARTIAL:
                await asyncio.to_thread(_restart, partial)
            async for chunk in response.aiter_bytes(CHUNK_BYTES):
                await asyncio.to_thread(_write, partial, chunk)
                if on_bytes is not None:
                    on_bytes(partial.tell())

    for _ in range(LINK_RENEWALS):
        try:
            return await retried(TRANSFER_RETRIES, attempt)
        except LinkExpired:
            url = await link()
    raise TransferRefused("the storage refuses every signed address for this file")


def _begin(target: Path, force: bool) -> IO[bytes]:
    if target.exists() and not force:
        raise UnusableFile("exists already; --force replaces it")
    partial = target.parent / f".darkroom-{secrets.token_hex(8)}.part"
    try:
        return partial.open("x+b")  # with the owner's default permissions, which a temporary file would not have
    except OSError as error:
        raise UnusableFile(f"cannot be written: {error.strerror}") from error


def _restart(partial: IO[bytes]) -> None:
    partial.seek(0)
    partial.truncate()


def _write(partial: IO[bytes], chunk: bytes) -> None:
    try:
        partial.write(chunk)
        partial.flush()
    except OSError as error:
        raise UnusableFile(f"cannot be written: {error.strerror}") from error


def _require_expected(partial: IO[bytes], expected: Expected) -> None:
    size = partial.tell()
    if size != expected.size_bytes:
        raise DamagedCopy(f"{size} bytes arrived instead of {expected.size_bytes}")
    if expected.digest is not None and digest_of(Path(partial.name), expected.digest) != expected.digest:
        raise DamagedCopy("the bytes that arrived do not have the item's digest")
    os.fsync(partial.fileno())


def digest_of(path: Path, like: str) -> str:
    """Return the file's digest in the same form as `like`: over the whole file, or over its parts."""
    with path.open("rb") as file:
        if like.startswith("sha256:"):
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        size = os.fstat(file.fileno()).st_size
        joined, count = hashlib.sha256(), 0
        for offset in range(0, size, part_size_bytes(size)):
            joined.update(_part_sha256(file, offset, min(part_size_bytes(size), size - offset)))
            count += 1
        return f"sha256-parts:{joined.hexdigest()}-{count}"


def _part_sha256(file: IO[bytes], offset: int, length: int) -> bytes:
    digest = hashlib.sha256()
    file.seek(offset)
    while length:
        chunk = file.read(min(CHUNK_BYTES, length))
        digest.update(chunk)
        length -= len(chunk)
    return digest.digest()


def _discard(partial: Path) -> None:
    """Delete the partial file. Runs in the event loop, not in a thread, so that cancellation cannot skip it."""
    partial.unlink(missing_ok=True)


def _move(partial: Path, target: Path, force: bool) -> None:
    try:
        if not force:
            target.touch(exist_ok=False)  # claims the name, so that no other process's file is replaced below
        partial.replace(target)
    except FileExistsError as error:
        raise UnusableFile("exists already; --force replaces it") from error
    except OSError as error:
        raise UnusableFile(f"cannot be written: {error.strerror}") from error
