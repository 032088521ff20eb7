"""Uploads a file: one PUT or many parts, going on where an earlier process stopped."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from client.errors import DamagedCopy, FileChanged, LinkExpired, TransferRefused, UploadGone
from client.files import LocalFile, captured_at_hint, opened
from client.items import Items
from client.parts import LINK_RENEWALS, PARTS_AT_ONCE, Meter, PartsSender
from client.placing import Place, Places, Target
from client.retry import TRANSFER_RETRIES, retried
from client.storage import Storage
from shared.ids import ItemId
from shared.items import CompletedItem, CreateItem, Item, MultipartUpload, SingleUpload
from shared.problems import NotFound, NotUploaded, UploadMismatch, WrongState
from shared.uploads import SINGLE_PUT_BYTES, parts_digest, whole_digest


@dataclass(frozen=True, slots=True)
class UploadProgress:
    item_id: ItemId
    done_bytes: int
    """What S3 has or has been handed; it steps back when a part must be sent anew."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Uploaded:
    item: Item
    duplicate: bool
    """The account already had exactly these bytes; `item` is the one that it had."""
    sent_bytes: int
    """What this call had to send."""


ProgressCallback = Callable[[UploadProgress], None]


@dataclass(slots=True)
class Sending:
    """One upload under way."""

    place: Place
    target: Target
    report: Callable[[int], None]
    sent_bytes: int = field(default=0)

    @property
    def file(self) -> LocalFile:
        return self.place.file


class Uploads:
    """Any number of uploads may run at once; four requests at a time carry bytes."""

    def __init__(self, items: Items, storage: Storage, places: Places) -> None:
        self._items, self._storage, self._places = items, storage, places
        self._slots = asyncio.Semaphore(PARTS_AT_ONCE)

    async def upload(self, path: Path, *, caption: str = "", on_progress: ProgressCallback | None = None) -> Uploaded:
        """Returns once the service has accepted the item; the second time it says that the item is already here.

        Raises UnusableFile, FileChanged, UploadGone, TransferRefused, NotReachable, or a problem of the service.
        `on_progress` is called with 0 bytes as soon as the item exists.
        """
        async with opened(path) as file:
            place = await self._places.place(file, await _described(file, caption))
            async with self._places.target(place) as target:
                if isinstance(target, Item):
                    return Uploaded(target, duplicate=True, sent_bytes=0)
                return await self._fill(Sending(place, target, _reporter(file, target, on_progress)))

    async def _fill(self, sending: Sending) -> Uploaded:
        """Sends the bytes; whatever happens, says how the item stands."""
        sending.report(0)
        try:
            completed = await self._send_and_complete(sending)
        except FileChanged:
            await self._places.abandon(sending.place, sending.target)
            raise
        except (UploadGone, WrongState, NotFound):
            item = await self._places.outcome(sending.place, sending.target)
            return Uploaded(item, duplicate=False, sent_bytes=sending.sent_bytes)
        await self._places.forget(sending.place)
        return Uploaded(completed.item, completed.duplicate, sending.sent_bytes)

    async def _send_and_complete(self, sending: Sending) -> CompletedItem:
        digest = await self._send(sending)
        await sending.file.require_unchanged()
        try:
            completed = await self._items.complete(sending.target.item_id)
        except NotUploaded:  # S3 has lost something since; once more, with a fresh look at what it has
            sending.target = await self._places.look_again(sending.place, sending.target)
            digest = await self._send(sending)
            completed = await self._items.complete(sending.target.item_id)
        except UploadMismatch:
            await sending.file.require_unchanged()
            raise
        if digest and completed.item.digest not in {None, digest}:
            raise DamagedCopy("the service has stored other bytes than those of the file; delete the item there")
        return completed

    async def _send(self, sending: Sending) -> str:
        """Sends what S3 does not have; returns the digest of the whole file."""
        try:
            match sending.target.upload:
                case SingleUpload() as upload:
                    await self._send_whole(sending, upload)
                    return sending.place.request.digest or ""
                case MultipartUpload() as upload:
                    return await self._send_parts(sending, upload)
        except TransferRefused:  # a file that changed no longer has the digest that its URL was signed for
            await sending.file.require_unchanged()
            raise

    async def _send_whole(self, sending: Sending, upload: SingleUpload) -> None:
        body = sending.file.body(0, sending.file.size_bytes, sending.report)

        async def attempt() -> None:
            async with self._slots:
                await self._storage.put(upload.url, upload.headers, body)

        for _ in range(LINK_RENEWALS):
            try:
                await retried(TRANSFER_RETRIES, attempt)
            except LinkExpired:
                upload = await self._places.renewed(sending.place)
            else:
                sending.sent_bytes += sending.file.size_bytes
                return
        raise TransferRefused("the storage refuses every signed address for this upload")

    async def _send_parts(self, sending: Sending, upload: MultipartUpload) -> str:
        sender = PartsSender(sending.file, sending.target.item_id, self._items, self._storage, self._slots)
        try:
            digests = await sender.send(upload.part_size_bytes, sending.target.stored, Meter(sending.report))
        except BaseExceptionGroup as group:
            raise _first(group) from group
        finally:
            sending.sent_bytes += sender.sent_bytes
        return parts_digest(digests)


async def _described(file: LocalFile, caption: str) -> CreateItem:
    single = file.size_bytes <= SINGLE_PUT_BYTES
    return CreateItem(
        name=file.name,
        size_bytes=file.size_bytes,
        content_type=file.content_type,
        digest=whole_digest(await file.sha256(0, file.size_bytes)) if single else None,
        captured_at=captured_at_hint(file.modified_ns),
        caption=caption,
    )


def _reporter(file: LocalFile, target: Target, on_progress: ProgressCallback | None) -> Callable[[int], None]:
    def report(done_bytes: int) -> None:
        if on_progress is not None:
            on_progress(UploadProgress(target.item_id, done_bytes, file.size_bytes))

    return report


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The tasks of one upload fail for one reason; which of them said so first does not matter."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
