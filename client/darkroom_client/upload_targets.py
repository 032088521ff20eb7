"""Decide which item a file's bytes go to: one whose upload was interrupted, or a new one."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from darkroom_client.digests import FileDigest
from darkroom_client.errors import UploadGone
from darkroom_client.files import LocalFile
from darkroom_client.items import Items
from darkroom_client.journal import FileKey, Unfinished, UploadJournal
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import CreatedItem, CreateItem, Item, ItemState, MultipartUpload, SingleUpload, StoredParts
from darkroom_shared.problems import IdempotencyMismatch, NotFound, WrongState
from darkroom_shared.times import utc_now
from darkroom_shared.uploads import SINGLE_PUT_BYTES

MAX_UPLOAD_AGE = timedelta(hours=25)
"""The service allows an upload 24 h; a search for unfinished uploads ignores older items."""
ENDED_STATES = frozenset({ItemState.CANCELLED, ItemState.EXPIRED, ItemState.DELETED})


@dataclass(frozen=True, slots=True)
class Target:
    """The item that a file's bytes go to, and how to send them."""

    item_id: ItemId
    upload: SingleUpload | MultipartUpload
    stored: Mapping[int, str]
    """The digests of the parts that S3 has, by number."""


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """A file to upload to one account: its key in the journal, and the request that creates its item."""

    key: FileKey
    request: CreateItem
    parts: Mapping[int, str]
    """The digests of the file's parts, by number."""


class UploadTargets:
    """Finds the target of each file, so that two files of one run never share an item."""

    def __init__(
        self, items: Items, journal: UploadJournal | None, server: str, account_id: Callable[[], Awaitable[AccountId]]
    ) -> None:
        self._items, self._journal = items, journal
        self._server, self._account_id = server, account_id
        self._in_use: set[ItemId] = set()
        self._listing = asyncio.Lock()
        self._interrupted: list[Item] | None = None

    async def prepare(self, file: LocalFile, digest: FileDigest, request: CreateItem) -> PendingUpload:
        key = FileKey(self._server, await self._account_id(), file.real_path, file.size_bytes, file.modified_ns)
        return PendingUpload(key, request, {part.number: part.sha256 for part in digest.parts})

    @asynccontextmanager
    async def target(self, pending: PendingUpload) -> AsyncIterator[Target | Item]:
        """Yield where to send the bytes, or the existing item that already has all of them."""
        existing = await self._resumed(pending) if pending.key.size_bytes > SINGLE_PUT_BYTES else None
        if existing is None:
            existing = await self.create(pending)
        if isinstance(existing, Item):
            await self.drop_entry(pending)
            yield existing
            return
        self._in_use.add(existing.item_id)
        try:
            yield existing
        finally:
            self._in_use.discard(existing.item_id)

    async def create(self, pending: PendingUpload) -> Target | Item:
        """Create the item. Safe to repeat: another call returns the same item with a new presigned URL."""
        entry = await self._entry(pending)
        created: CreatedItem | None = None
        if entry is not None:
            try:
                created = await self._items.create(pending.request, idempotency_key=entry.idempotency_key)
            except IdempotencyMismatch:  # interrupted, and now requested with another caption
                created = None
        if entry is None or created is None or created.item.state in ENDED_STATES:
            entry = Unfinished(secrets.token_urlsafe(18), None)
            await self._note(pending, entry)
            created = await self._items.create(pending.request, idempotency_key=entry.idempotency_key)
        if created.upload is None or created.item.state is not ItemState.UPLOADING:
            return created.item
        await self._note(pending, replace(entry, item_id=created.item.id))
        return Target(created.item.id, created.upload, {})

    async def renewed(self, pending: PendingUpload) -> SingleUpload:
        """Return a new presigned PUT for the same item."""
        again = await self.create(pending)
        if isinstance(again, Target) and isinstance(again.upload, SingleUpload):
            return again.upload
        raise UploadGone("the item was finished, cancelled or deleted elsewhere")

    async def refresh(self, pending: PendingUpload, target: Target) -> Target:
        """Return the same item with the parts that S3 has now."""
        if isinstance(target.upload, SingleUpload):
            return replace(target, upload=await self.renewed(pending))
        return _multipart(target.item_id, await self._items.stored_parts(target.item_id))

    async def drop_entry(self, pending: PendingUpload) -> None:
        if self._journal is not None:
            await self._journal.remove(pending.key)

    async def abandon(self, pending: PendingUpload, target: Target) -> None:
        """Cancel the item and delete the journal entry; for a file that changed since its upload began."""
        await self.drop_entry(pending)
        try:
            await self._items.cancel(target.item_id)
        except (NotFound, WrongState):
            return  # already ended

    async def outcome(self, pending: PendingUpload, target: Target) -> Item:
        """Return the item if it was accepted elsewhere. Raises UploadGone if it was not."""
        item = await self._items.require(target.item_id)
        if item.state is ItemState.UPLOADING:  # the storage has lost the upload, so it cannot be resumed
            await self.abandon(pending, target)
            raise UploadGone("the storage lost the upload; start it again")
        await self.drop_entry(pending)
        if item.state in ENDED_STATES:
            raise UploadGone(f"the item was {item.state} while it was being uploaded")
        return item

    async def _resumed(self, pending: PendingUpload) -> Target | Item | None:
        entry = await self._entry(pending)
        if entry is None:
            return await self._resumed_from_list(pending)
        if entry.item_id is None or entry.item_id in self._in_use:
            return None
        try:
            return _multipart(entry.item_id, await self._items.stored_parts(entry.item_id))
        except NotFound:
            await self.drop_entry(pending)
            return None
        except WrongState:
            item = await self._items.require(entry.item_id)
            await self.drop_entry(pending)
            return None if item.state in ENDED_STATES else item

    async def _resumed_from_list(self, pending: PendingUpload) -> Target | None:
        """Find an own item of this name and size that waits for its bytes: the journal was lost, or a browser began
        it.
        """
        request = pending.request
        for item in await self._interrupted_items():
            if (item.name, item.size_bytes) != (request.name, request.size_bytes) or item.digest not in {
                None,
                request.digest,
            }:
                continue
            if item.id in self._in_use or await self._is_noted(item.id):
                continue
            try:
                target = _multipart(item.id, await self._items.stored_parts(item.id))
            except (NotFound, WrongState):
                continue
            if item.digest is not None or target.stored.items() <= pending.parts.items():
                await self._note(pending, Unfinished(secrets.token_urlsafe(18), item.id))
                return target
        return None

    async def _interrupted_items(self) -> list[Item]:
        """Return the account's items in `uploading`, listed once per run."""
        async with self._listing:
            if self._interrupted is None:
                oldest = utc_now() - MAX_UPLOAD_AGE
                existing = []
                async for item in self._items.list_all(order="created"):
                    if item.created_at < oldest:
                        break
                    if item.state is ItemState.UPLOADING:
                        existing.append(item)
                self._interrupted = existing
            return self._interrupted

    async def _entry(self, pending: PendingUpload) -> Unfinished | None:
        return None if self._journal is None else await self._journal.get(pending.key)

    async def _note(self, pending: PendingUpload, entry: Unfinished) -> None:
        if self._journal is not None:
            await self._journal.put(pending.key, entry)

    async def _is_noted(self, item_id: ItemId) -> bool:
        return self._journal is not None and await self._journal.has_item(item_id)


def _multipart(item_id: ItemId, stored: StoredParts) -> Target:
    upload = MultipartUpload(part_size_bytes=stored.part_size_bytes, part_count=stored.part_count)
    return Target(item_id, upload, {part.number: part.sha256 for part in stored.parts})
