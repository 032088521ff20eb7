"""One export from claim to ready: all originals are streamed through a ZIP into a multipart upload."""

import asyncio
import json
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import IO

from app.exports.schema import ExportRow, export_key
from app.exports.service.archive import FOLDER, Archive, Names
from app.exports.service.work import ExportWork
from app.items.service.inventory import Inventory, InventoryEntry
from app.stores.s3 import CHUNK_BYTES, ObjectStore
from app.stores.s3_parts import Absent, UploadedPart
from app.worker.steps import ObserveStep, ignore_step, observed_step
from darkroom_shared.problems import Unavailable

MIN_PART_BYTES = 16 * 1024 * 1024
MAX_PARTS = 9_000
"""S3 allows 10,000; the difference leaves room for what is uploaded after the total was computed."""
MAX_RESUMES = 5
"""How often the rest of an original is requested after its stream has broken off."""
INDEX = "items.json"


class ExportJob:
    """One attempt at an export."""

    def __init__(
        self,
        *,
        objects: ObjectStore,
        inventory: Inventory,
        work: ExportWork,
        claimed: ExportRow,
        scratch: Path,
        observe: ObserveStep = ignore_step,
    ) -> None:
        self._objects, self._inventory, self._work = objects, inventory, work
        self._claimed, self._scratch, self._observe = claimed, scratch, observe
        self._key = export_key(claimed.account_id, claimed.export_id)
        self._archive, self._names = Archive(), Names()
        self._parts: list[UploadedPart]
        self._upload_id, self._parts = "", []
        self._part_bytes = MIN_PART_BYTES
        self._total = self._done = 0
        self._items = self._missing = self._size = 0

    @property
    def share(self) -> float:
        """The written share of the bytes, from 0 to 1."""
        return min(1.0, self._done / self._total) if self._total else 0.0

    async def run(self) -> ExportRow:
        """Return the finished row. Raises ClaimLost, Unavailable, or OSError if the scratch folder is full."""
        await self._measure()
        await self._objects.abort_multiparts(self._key)
        name = f"darkroom-{self._claimed.created_at:%Y-%m-%d}.zip"
        self._upload_id = await self._objects.start_multipart(self._key, name=name)
        with observed_step("export_originals", self._observe):
            with tempfile.TemporaryFile(dir=self._scratch) as index:
                await self._add_originals(index)
                await self._add_index(index)
            self._archive.close()
            while self._archive.waiting_bytes:
                await self._send_part()
        await self._work.renew(self._claimed, 99.0)  # no other attempt may have begun before the upload is completed
        with observed_step("export_finish", self._observe):
            await self._objects.finish_own_multipart(self._key, self._upload_id, self._parts)
            facts = {"items": self._items, "missing": self._missing, "size_bytes": self._size}
            return await self._work.finish(self._claimed, **facts)

    async def _measure(self) -> None:
        async for each in self._inventory.of(self._claimed.account_id):
            if each.original_key is not None:
                self._total += each.item.size_bytes
        self._part_bytes = max(MIN_PART_BYTES, self._total // MAX_PARTS + 1)

    async def _add_originals(self, index: IO[bytes]) -> None:
        await asyncio.to_thread(index.write, b"[")
        async for each in self._inventory.of(self._claimed.account_id):
            file = await self._add_original(each)
            line = json.dumps({"file": file, "item": each.item.model_dump(mode="json")}, ensure_ascii=False)
            await asyncio.to_thread(index.write, (",\n" if self._items else "\n").encode() + line.encode())
            self._items += 1
        await asyncio.to_thread(index.write, b"\n]\n")

    async def _add_original(self, entry: InventoryEntry) -> str | None:
        """Return the original's name in the ZIP; None if the item has none."""
        if entry.original_key is None:
            return None
        item = entry.item
        try:
            pieces = await self._open_stream(entry.original_key)
        except Absent:
            self._missing += 1
            return None
        name = FOLDER + self._names.take(item.name)
        await self._add(name, item.captured_at or item.created_at, item.size_bytes, pieces)
        return name

    async def _add_index(self, index: IO[bytes]) -> None:
        size_bytes = await asyncio.to_thread(index.tell)
        await asyncio.to_thread(index.seek, 0)
        await self._add(INDEX, self._claimed.created_at, size_bytes, _read(index))

    async def _add(self, name: str, at: datetime, size_bytes: int, pieces: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(pieces), aclosing(self._archive.add(name, at, size_bytes, pieces)) as added:
            async for length in added:
                self._done += length
                while self._archive.waiting_bytes >= self._part_bytes:
                    await self._send_part()

    async def _send_part(self) -> None:
        body, number = self._archive.take(self._part_bytes), len(self._parts) + 1
        self._parts.append(await self._objects.upload_part(self._key, self._upload_id, number, body))
        self._size += len(body)

    async def _open_stream(self, key: str) -> AsyncGenerator[bytes, None]:
        """Begin to read the object, so that its absence is noticed now, and return its bytes. Raises Absent."""
        pieces = self._pieces(key)
        first = await anext(pieces, b"")

        async def all_pieces() -> AsyncGenerator[bytes, None]:
            async with aclosing(pieces):
                yield first
                async for piece in pieces:
                    yield piece

        return all_pieces()

    async def _pieces(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield the object's bytes; resume at the offset where a stream breaks off."""
        offset, breaks = 0, 0
        while True:
            try:
                async for piece in self._objects.stream(key, offset):
                    offset += len(piece)
                    yield piece
            except Unavailable:
                breaks += 1
                if breaks > MAX_RESUMES:
                    raise
                await asyncio.sleep(breaks)
            except Absent as absent:
                if offset:
                    raise Unavailable("An original vanished while it was being read.") from absent
                raise
            else:
                return


async def _read(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield piece
