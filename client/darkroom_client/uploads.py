"""Upload a file in one PUT or in parts, resumed where an earlier process stopped."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from darkroom_client.digests import CONCURRENT_HASHES, FileDigest, digest_file
from darkroom_client.errors import (
    DamagedCopy,
    FileChanged,
    LinkExpired,
    TransferRefused,
    UnexpectedResponse,
    UploadGone,
)
from darkroom_client.files import LocalFile, captured_at_hint, opened
from darkroom_client.items import Items
from darkroom_client.parts import CONCURRENT_PARTS, LINK_RENEWALS, PartsSender
from darkroom_client.retry import TRANSFER_RETRIES, retried
from darkroom_client.storage import Storage
from darkroom_client.upload_targets import PendingUpload, Target, UploadTargets
from darkroom_shared.ids import ItemId
from darkroom_shared.items import CompletedItem, CreateItem, Item, MultipartUpload, SingleUpload
from darkroom_shared.problems import NotFound, NotUploaded, UploadMismatch, WrongState
from darkroom_shared.uploads import part_size_bytes


class Stage(StrEnum):
    HASHING = "hashing"
    SENDING = "sending"


@dataclass(frozen=True, slots=True)
class UploadProgress:
    stage: Stage
    item_id: ItemId | None
    """Set from the first report of `sending` on, which has 0 bytes."""
    done_bytes: int
    """While sending: bytes that S3 has or has been sent; decreases when a part must be sent again."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Uploaded:
    item: Item
    duplicate: bool
    """The account already had exactly these bytes; `item` is the existing one."""
    sent_bytes: int
    """Bytes that this call had to send."""


ProgressCallback = Callable[[UploadProgress], None]


@dataclass(slots=True)
class Sending:
    """One running upload."""

    file: LocalFile
    digest: FileDigest
    pending: PendingUpload
    target: Target
    report: Callable[[int], None]
    sent_bytes: int = 0


class Uploads:
    """Any number of uploads may run concurrently; at most four requests at a time transfer bytes."""

    def __init__(self, items: Items, storage: Storage, targets: UploadTargets) -> None:
        self._items, self._storage, self._targets = items, storage, targets
        self._slots = asyncio.Semaphore(CONCURRENT_PARTS)
        self._hashing_slots = asyncio.Semaphore(CONCURRENT_HASHES)

    async def upload(self, path: Path, *, caption: str = "", on_progress: ProgressCallback | None = None) -> Uploaded:
        """Return once the service has accepted the item; for bytes it already has, return that item as a duplicate.

        The whole file is hashed before its first byte is sent. Reading is many times faster than any network, and
        only so can a video that the account already has, fully or in part, not be sent again.

        Raises UnusableFile, FileChanged, UploadGone, TransferRefused, NotReachable, or a problem of the service.
        """
        async with opened(path) as file:
            digest = await digest_file(file, self._hashing_slots, _reporter(file, Stage.HASHING, None, on_progress))
            pending = await self._targets.prepare(file, digest, _described(file, digest, caption))
            async with self._targets.target(pending) as target:
                if isinstance(target, Item):
                    return Uploaded(target, duplicate=True, sent_bytes=0)
                report = _reporter(file, Stage.SENDING, target.item_id, on_progress)
                return await self._send_to_item(Sending(file, digest, pending, target, report))

    async def _send_to_item(self, sending: Sending) -> Uploaded:
        """Send the bytes, complete the upload and return the item, also if another client completed it."""
        sending.report(0)
        try:
            completed = await self._send_and_complete(sending)
        except FileChanged:
            await self._targets.abandon(sending.pending, sending.target)
            raise
        except (UploadGone, WrongState, NotFound):
            item = await self._targets.outcome(sending.pending, sending.target)
            return Uploaded(item, duplicate=False, sent_bytes=sending.sent_bytes)
        await self._targets.drop_entry(sending.pending)
        return Uploaded(completed.item, completed.duplicate, sending.sent_bytes)

    async def _send_and_complete(self, sending: Sending) -> CompletedItem:
        await self._send(sending)
        await sending.file.require_unchanged()
        try:
            completed = await self._items.complete(sending.target.item_id)
        except NotUploaded:  # S3 has lost something since: send again what is missing now
            sending.target = await self._targets.refresh(sending.pending, sending.target)
            await self._send(sending)
            completed = await self._items.complete(sending.target.item_id)
        except UploadMismatch:
            await sending.file.require_unchanged()
            raise
        if completed.item.digest not in {None, sending.digest.digest}:
            raise DamagedCopy("the service has stored other bytes than those of the file; delete the item there")
        return completed

    async def _send(self, sending: Sending) -> None:
        """Send what S3 does not have."""
        try:
            match sending.target.upload:
                case SingleUpload() as upload:
                    await self._send_whole(sending, upload)
                case MultipartUpload() as upload:
                    await self._send_parts(sending, upload)
        except TransferRefused:  # a changed file does not match the digest for which its URL was signed
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
                upload = await self._targets.renewed(sending.pending)
            else:
                sending.sent_bytes += sending.file.size_bytes
                return
        raise TransferRefused("the storage refuses every signed address for this upload")

    async def _send_parts(self, sending: Sending, upload: MultipartUpload) -> None:
        if upload.part_size_bytes != part_size_bytes(sending.file.size_bytes):
            raise UnexpectedResponse("the service cuts files into other parts than this client; update one of them")
        sender = PartsSender(
            sending.file, sending.target.item_id, self._items, self._storage, self._slots, sending.report
        )
        try:
            await sender.send(sending.digest.parts, sending.target.stored)
        finally:
            sending.sent_bytes += sender.sent_bytes


def _described(file: LocalFile, digest: FileDigest, caption: str) -> CreateItem:
    return CreateItem(
        name=file.name,
        size_bytes=file.size_bytes,
        content_type=file.content_type,
        digest=digest.digest,
        captured_at=captured_at_hint(file.modified_ns),
        caption=caption,
    )


def _reporter(
    file: LocalFile, stage: Stage, item_id: ItemId | None, on_progress: ProgressCallback | None
) -> Callable[[int], None]:
    def report(done_bytes: int) -> None:
        if on_progress is not None:
            on_progress(UploadProgress(stage, item_id, done_bytes, file.size_bytes))

    return report
