"""Catalogue and files as one: bytes are on disk before a row names them, and unnamed before they go."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from local.objects.bodies import Payload, PayloadCheck
from local.objects.catalogue import Catalogue
from local.objects.disk_reserve import DiskReserve
from local.objects.errors import S3Error
from local.objects.files import Files, write_all
from local.objects.object_records import Piece, delete_leftovers, leftovers, named_files
from local.objects.requests import Request

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_THREADS = 8
_BATCH_BYTES = 256 * 1024
"""A trip to a thread costs about 60 us, hashing and writing this much about 250 us; each upload holds two batches."""


class FolderInUse(Exception):
    """Another process serves the same folder."""


@dataclass(frozen=True, slots=True)
class Received:
    """A body that is whole, right and on disk, under a name that nothing knows yet."""

    file: str
    payload: Payload


class Storage:
    def __init__(self, catalogue: Catalogue, files: Files, reserve: DiskReserve, threads: ThreadPoolExecutor) -> None:
        self._catalogue, self._files, self._reserve, self._threads = catalogue, files, reserve, threads

    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await self._catalogue.read(work)

    async def write(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """One transaction, on disk when this returns."""
        return await self._catalogue.write(work)

    async def remove(self, work: Callable[[sqlite3.Connection], list[str]]) -> None:
        """A transaction that leaves files over, and the end of these; it finds room on a full disk, too."""
        await self.discard(await self._write_at_need(work))

    async def receive(self, request: Request, check: PayloadCheck) -> Received:
        """Takes the body in. Raises whatever `check` finds wrong, InsufficientStorage, OSError or ClientGone."""
        await self.in_thread(self._files.require_space, check.length)
        name, descriptor = await self.in_thread(self._files.create)
        try:
            try:
                await self._write(request, check, descriptor)
                payload = check.finish()
                await self.in_thread(self._files.finish, descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            await asyncio.shield(self.in_thread(self._files.remove, [name]))
            raise
        return Received(name, payload)

    async def keep(self, received: Received, work: Callable[[sqlite3.Connection], list[str]]) -> None:
        """Runs `work`, which names the file and returns those it replaces. When it refuses, the file goes."""
        try:
            replaced = await self.write(work)
        except (S3Error, sqlite3.Error):
            # Not on cancellation: then the transaction may still take place, and the next start finds out.
            await self.in_thread(self._files.remove, [received.file])
            raise
        await self.in_thread(self._files.keep, received.file)
        await self.discard(replaced)

    async def discard(self, files: Sequence[str]) -> None:
        """Removes files that a transaction has left over. Should this be cut short, the next start does it again."""
        if files:
            await self.in_thread(self._files.remove, files)
            await self._write_at_need(lambda connection: delete_leftovers(connection, files))
            await self.in_thread(self._reserve.take, self._files.spare_bytes)

    async def open(self, piece: Piece) -> int:
        return await self.in_thread(self._files.open, piece.file)

    async def recover(self) -> None:
        """What a crash left in between: pieces that are named get their place, all others go."""
        waiting = await self.in_thread(self._files.waiting)
        named = await self.read(lambda connection: named_files(connection, waiting))
        for name in named:
            await self.in_thread(self._files.keep, name)
        await self.in_thread(self._files.remove, set(waiting) - named)
        await self.discard(await self.read(leftovers))
        await self.in_thread(self._reserve.take, self._files.spare_bytes)

    async def in_thread(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Outlasts even cancellation: when this returns or raises, the thread no longer works on the arguments."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *arguments, **named))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.gather(running, return_exceptions=True)
            raise

    async def _write_at_need(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return await self._catalogue.write(work)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not await self.in_thread(self._reserve.give_up):
                raise
            return await self._catalogue.write(work)

    async def _write(self, request: Request, check: PayloadCheck, descriptor: int) -> None:
        """Hashes and writes one batch in a thread while the next one arrives."""
        writing: asyncio.Task[None] | None = None
        batch: list[bytes] = []
        gathered = 0
        try:
            async for data in request.body():
                batch.append(data)
                gathered += len(data)
                if gathered >= _BATCH_BYTES:
                    if writing:
                        await writing
                    writing = asyncio.create_task(self.in_thread(_write_batch, check, descriptor, batch))
                    batch, gathered = [], 0
            if writing:
                await writing
            await self.in_thread(_write_batch, check, descriptor, batch)
        finally:
            if writing:
                await asyncio.gather(writing, return_exceptions=True)


def _write_batch(check: PayloadCheck, descriptor: int, batch: list[bytes]) -> None:
    for data in batch:
        for piece in check.feed(data):
            write_all(descriptor, piece)


@asynccontextmanager
async def open_storage(folder: Path, spare_bytes: int) -> AsyncIterator[Storage]:
    """Raises FolderInUse, NewerVersion or OSError."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with _lock(folder / "lock"), ThreadPoolExecutor(_THREADS, "objects") as threads:
        catalogue = Catalogue(folder / "catalogue.sqlite")
        files = Files(folder, spare_bytes)
        await catalogue.open()
        try:
            storage = Storage(catalogue, files, DiskReserve(folder / "ballast"), threads)
            await storage.recover()
            yield storage
        finally:
            await catalogue.close()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Held by the descriptor, so that it ends with the process, however that ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse from error
        yield
