"""Send the parts of one multipart upload that S3 does not have yet, a few at a time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from darkroom_client.digests import Part
from darkroom_client.errors import LinkExpired, NotReachable, TransferRefused
from darkroom_client.files import LocalFile
from darkroom_client.items import Items
from darkroom_client.retry import TRANSFER_RETRIES, retried
from darkroom_client.storage import Storage
from darkroom_shared.ids import ItemId
from darkroom_shared.items import PartRequest, PartsRequest, PartUpload
from darkroom_shared.task_group import TaskGroup, first_of
from darkroom_shared.uploads import MAX_PARTS_PER_REQUEST

CONCURRENT_PARTS = 4
LINKS_PER_REQUEST = min(32, MAX_PARTS_PER_REQUEST)
"""Few, so that sending begins soon and no presigned URL expires before it is used."""
LINK_RENEWALS = 5


@dataclass(slots=True)
class Meter:
    """Sums the parts' progress; a part that is sent again is not counted twice."""

    report: Callable[[int], None]
    _by_part: dict[int, int] = field(default_factory=dict)
    _settled: int = 0

    def sending(self, part: Part, sent_bytes: int) -> None:
        self._by_part[part.number] = sent_bytes
        self.report(self._settled + sum(self._by_part.values()))

    def settled(self, part: Part) -> None:
        self._by_part.pop(part.number, None)
        self._settled += part.length
        self.report(self._settled + sum(self._by_part.values()))


class PartsSender:
    """Sends the parts of one file for one item; call `send` once."""

    def __init__(
        self,
        file: LocalFile,
        item_id: ItemId,
        items: Items,
        storage: Storage,
        slots: asyncio.Semaphore,
        report: Callable[[int], None],
    ) -> None:
        self._file, self._item_id = file, item_id
        self._items, self._storage, self._slots = items, storage, slots
        self._meter = Meter(report)
        self._ready: asyncio.Queue[tuple[Part, PartUpload] | None] = asyncio.Queue(CONCURRENT_PARTS)
        self.sent_bytes = 0

    async def send(self, parts: Sequence[Part], stored: Mapping[int, str]) -> None:
        """Send the missing parts; return when S3 has all. `stored` maps numbers of stored parts to their digests."""
        missing = []
        for part in parts:
            if stored.get(part.number) == part.sha256:
                self._meter.settled(part)
            else:
                missing.append(part)
        try:
            async with TaskGroup() as tasks:
                tasks.create_task(self._request_links(missing))
                for _ in range(CONCURRENT_PARTS):
                    tasks.create_task(self._send_ready())
        except BaseExceptionGroup as failures:  # all tasks fail for one reason
            raise first_of(failures) from failures

    async def _request_links(self, missing: Sequence[Part]) -> None:
        for start in range(0, len(missing), LINKS_PER_REQUEST):
            for ready in await self._links(missing[start : start + LINKS_PER_REQUEST]):
                await self._ready.put(ready)
        for _ in range(CONCURRENT_PARTS):
            await self._ready.put(None)

    async def _links(self, parts: Sequence[Part]) -> list[tuple[Part, PartUpload]]:
        requested = tuple(PartRequest(number=part.number, sha256=part.sha256) for part in parts)
        response = await self._items.request_parts(self._item_id, PartsRequest(parts=requested))
        uploads = {upload.number: upload for upload in response.parts}
        if set(uploads) != {part.number for part in parts}:
            raise TransferRefused("the service returned other parts than the requested ones")
        return [(part, uploads[part.number]) for part in parts]

    async def _send_ready(self) -> None:
        while (ready := await self._ready.get()) is not None:
            part, upload = ready
            await self._send_part(part, upload)
            self.sent_bytes += part.length
            self._meter.settled(part)

    async def _send_part(self, part: Part, upload: PartUpload) -> None:
        body = self._file.body(part.offset, part.length, lambda sent: self._meter.sending(part, sent))
        uncertain = False

        async def attempt() -> None:
            nonlocal uncertain
            if uncertain and await self._is_stored(part):  # only the response was lost
                return
            try:
                async with self._slots:
                    await self._storage.put(upload.url, upload.headers, body)
            except NotReachable:
                uncertain = True
                raise

        for _ in range(LINK_RENEWALS):
            try:
                return await retried(TRANSFER_RETRIES, attempt)
            except LinkExpired:
                ((_, upload),) = await self._links([part])
        raise TransferRefused("the storage refuses every signed address for this upload")

    async def _is_stored(self, part: Part) -> bool:
        stored = await self._items.stored_parts(self._item_id)
        return any((each.number, each.sha256) == (part.number, part.sha256) for each in stored.parts)
