"""Sends the parts of one multipart upload that S3 does not have yet: hashing, asking for URLs and sending overlap."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from client.errors import LinkExpired, TransferRefused
from client.files import LocalFile
from client.items import Items
from client.retry import TRANSFER_RETRIES, RetryPolicy, retried
from client.storage import Storage
from shared.ids import ItemId
from shared.items import PartRequest, PartsRequest, PartUpload
from shared.uploads import MOST_PARTS_PER_REQUEST

PARTS_AT_ONCE = 4
HASHED_AHEAD = 16
"""Digests only, no bytes. More would make the presigned URLs older than they need to be."""
LINK_RENEWALS = 5


@dataclass(frozen=True, slots=True)
class PartRange:
    number: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class PartToSend:
    part: PartRange
    sha256: str
    upload: PartUpload


@dataclass(slots=True)
class Meter:
    """Adds up what parts report, a part sent anew not counted twice."""

    report: Callable[[int], None]
    _by_part: dict[int, int] = field(default_factory=dict)
    _settled: int = 0

    def sending(self, number: int, sent_bytes: int) -> None:
        self._by_part[number] = sent_bytes
        self.report(self._settled + sum(self._by_part.values()))

    def settled(self, part: PartRange) -> None:
        self._by_part.pop(part.number, None)
        self._settled += part.length
        self.report(self._settled + sum(self._by_part.values()))


def ranges(size_bytes: int, part_size_bytes: int) -> list[PartRange]:
    offsets = range(0, size_bytes, part_size_bytes)
    return [
        PartRange(number, offset, min(part_size_bytes, size_bytes - offset)) for number, offset in enumerate(offsets, 1)
    ]


class PartsSender:
    """For one file and one item; `send` once."""

    def __init__(self, file: LocalFile, item_id: ItemId, items: Items, storage: Storage, slots: asyncio.Semaphore):
        self._file, self._item_id = file, item_id
        self._items, self._storage, self._slots = items, storage, slots
        self._policy: RetryPolicy = TRANSFER_RETRIES
        self._hashed: asyncio.Queue[tuple[PartRange, str] | None] = asyncio.Queue(HASHED_AHEAD)
        self._ready: asyncio.Queue[PartToSend | None] = asyncio.Queue(PARTS_AT_ONCE)
        self.sent_bytes = 0

    async def send(self, part_size_bytes: int, stored: Mapping[int, str], meter: Meter) -> list[str]:
        """The digests of all parts, in order, once S3 has them all. `stored` is what it has: digests by number."""
        parts = ranges(self._file.size_bytes, part_size_bytes)
        async with asyncio.TaskGroup() as tasks:
            hashing = tasks.create_task(self._hash(parts, stored, meter))
            tasks.create_task(self._ask_for_links())
            for _ in range(PARTS_AT_ONCE):
                tasks.create_task(self._send_ready(meter))
        return hashing.result()

    async def _hash(self, parts: list[PartRange], stored: Mapping[int, str], meter: Meter) -> list[str]:
        digests: list[str] = []
        for part in parts:
            digest = await self._file.sha256(part.offset, part.length)
            digests.append(digest)
            if stored.get(part.number) == digest:
                meter.settled(part)
            else:
                await self._hashed.put((part, digest))
        await self._hashed.put(None)
        return digests

    async def _ask_for_links(self) -> None:
        """Asks for as many at once as are waiting: one at the start, so that sending begins, more when it is slow."""
        finished = False
        while not finished:
            batch: dict[int, tuple[PartRange, str]] = {}
            while len(batch) < MOST_PARTS_PER_REQUEST and not (batch and self._hashed.empty()):
                waiting = await self._hashed.get()
                if waiting is None:
                    finished = True
                    break
                batch[waiting[0].number] = waiting
            for upload in await self._links(batch):
                part, digest = batch[upload.number]
                await self._ready.put(PartToSend(part, digest, upload))
        for _ in range(PARTS_AT_ONCE):
            await self._ready.put(None)

    async def _links(self, batch: Mapping[int, tuple[PartRange, str]]) -> tuple[PartUpload, ...]:
        if not batch:
            return ()
        wanted = tuple(PartRequest(number=part.number, sha256=digest) for part, digest in batch.values())
        answer = await self._items.request_parts(self._item_id, PartsRequest(parts=wanted))
        if {upload.number for upload in answer.parts} != set(batch):
            raise TransferRefused("the service gave out other parts than those asked for")
        return answer.parts

    async def _send_ready(self, meter: Meter) -> None:
        while (waiting := await self._ready.get()) is not None:
            await self._send_part(waiting, meter)
            meter.settled(waiting.part)
            self.sent_bytes += waiting.part.length

    async def _send_part(self, waiting: PartToSend, meter: Meter) -> None:
        part, upload = waiting.part, waiting.upload
        body = self._file.body(part.offset, part.length, lambda sent: meter.sending(part.number, sent))

        async def attempt() -> None:
            async with self._slots:
                await self._storage.put(upload.url, upload.headers, body)

        for _ in range(LINK_RENEWALS):
            try:
                return await retried(self._policy, attempt)
            except LinkExpired:
                (upload,) = await self._links({part.number: (part, waiting.sha256)})
        raise TransferRefused("the storage refuses every signed address for this upload")
