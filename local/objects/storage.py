"""Catalogue and files combined: bytes are on disk before a row names them, and are deleted after their row."""

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
"""A switch to a thread costs about 60 us, hashing and writing this much about 250 us; each upload holds two batches."""


class FolderInUse(Exception):
    """Another process serves the same folder."""


@dataclass(frozen=True, slots=True)
class Received:
    """A complete and verified body on disk, under a name that no row references yet."""

    file: str
    payload: Payload


class Storage:
    def __init__(self, catalogue: Catalogue, files: Files, reserve: DiskReserve, threads: ThreadPoolExecutor) -> None:
        self._catalogue, self._files, self._reserve, self._threads = catalogue, files, reserve, threads

    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await self._catalogue.read(work)

    async def write(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run one transaction, which is on disk when this returns."""
        return await self._catalogue.write(work)

    async def remove(self, work: Callable[[sqlite3.Connection], list[str]]) -> None:
        """Run a transaction, then delete the files that it returns; works on a full disk, too."""
        await self.discard(await self._write_at_need(work))

    async def receive(self, request: Request, check: PayloadCheck) -> Received:
        """Receive the body. Raises the errors of `check`, InsufficientStorage, OSError or ClientDisconnected."""
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
        """Run `work`, which references the file and returns those it replaces. If it fails, the file is deleted."""
        try:
            replaced = await self.write(work)
        except (S3Error, sqlite3.Error):
            # Not on cancellation: the transaction may still be committed, and the next start decides.
            await self.in_thread(self._files.remove, [received.file])
            raise
        await self.in_thread(self._files.keep, received.file)
        await self.discard(replaced)

    async def discard(self, files: Sequence[str]) -> None:
        """Delete files that a transaction has released. After an interruption the next start repeats it."""
        if files:
            await self.in_thread(self._files.remove, files)
            await self._write_at_need(lambda connection: delete_leftovers(connection, files))
            await self.in_thread(self._reserve.take, self._files.spare_bytes)

    async def open(self, piece: Piece) -> int:
        return await self.in_thread(self._files.open, piece.file)

    async def recover(self) -> None:
        """Clean up after a crash: move referenced files to their place, delete all others."""
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
        """Run `work` in a thread and wait for its end even if cancelled, so that the thread no longer uses the
        arguments.
        """
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
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not await self.in_thread(self._reserve.release):
                raise
            return await self._catalogue.write(work)

    async def _write(self, request: Request, check: PayloadCheck, descriptor: int) -> None:
        """Receive the body: one batch is hashed and written in a thread while the next one arrives."""
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
    """Open the storage over a folder. Raises FolderInUse, NewerVersion or OSError."""
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
    """Lock the folder. The lock belongs to the descriptor and ends with the process, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse from error
        yield
