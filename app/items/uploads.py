"""How bytes come in: create an item, hand out presigned requests, verify what arrived, queue it."""

from dataclasses import dataclass
from datetime import timedelta

from app.items import lifecycle
from app.items.changes import AlreadyAnswered, ItemChanges
from app.items.keys import original_key
from app.items.queueing import WorkQueue
from app.items.requests import RequestKey, Requests
from app.items.row import ItemRow
from app.items.store import ItemStore
from app.stores.s3 import Absent, ObjectStore, PartsRefused, UploadedPart
from shared.ids import AccountId, ItemId, new_item_id
from shared.items import (
    CreateItem,
    ItemState,
    MultipartUpload,
    PartRequest,
    PartUpload,
    PartUploads,
    SingleUpload,
    StoredPart,
    StoredParts,
)
from shared.problems import Invalid, NotFound, NotUploaded, TooLarge, UploadMismatch, WrongState
from shared.times import Clock
from shared.uploads import LARGEST_ITEM_BYTES, SINGLE_PUT_BYTES, part_count, part_size_bytes, parts_digest, whole_digest

URL_LIFE = timedelta(hours=1)
LIVE = frozenset({ItemState.QUEUED, ItemState.PROCESSING, ItemState.READY})
"""States in which equal bytes count as already here."""
NAMED_MISSING_PARTS = 20


@dataclass(frozen=True, slots=True)
class Created:
    row: ItemRow
    upload: SingleUpload | MultipartUpload | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Completed:
    row: ItemRow
    duplicate: bool = False


class UploadService:
    def __init__(
        self,
        store: ItemStore,
        changes: ItemChanges,
        requests: Requests,
        objects: ObjectStore,
        queue: WorkQueue,
        clock: Clock,
    ) -> None:
        self._store, self._changes, self._requests = store, changes, requests
        self._objects, self._queue, self._clock = objects, queue, clock

    async def create(self, account: AccountId, wish: CreateItem, request: RequestKey | None) -> Created:
        """Raises Invalid, TooLarge, QuotaExceeded, IdempotencyMismatch."""
        _check(wish)
        if earlier := await self._requests.earlier(account, request):
            return await self._again(account, earlier.item_id)
        if wish.digest and (known := await self._live_duplicate(account, wish.digest)):
            return Created(known, None, duplicate=True)
        change = lifecycle.created(self._new_row(account, wish))
        answered = request.answered(change.row.item_id, 201) if request else None
        try:
            await self._changes.create(change, answered)
        except AlreadyAnswered:
            winner = await self._requests.earlier(account, request)
            if winner is None:
                raise
            return await self._again(account, winner.item_id)
        return Created(change.row, await self._how_to_upload(change.row), duplicate=False)

    async def list_parts(self, row: ItemRow) -> StoredParts:
        """What S3 has. Raises WrongState unless the item is uploading in parts."""
        _require_multipart(row)
        parts: list[UploadedPart] = []
        if row.upload_id is not None:
            try:
                parts = await self._objects.list_parts(original_key(row.account_id, row.item_id), row.upload_id)
            except Absent:
                parts = []
        return StoredParts(
            part_size_bytes=part_size_bytes(row.size_bytes),
            part_count=part_count(row.size_bytes),
            parts=tuple(
                StoredPart(number=part.number, size_bytes=part.size_bytes, sha256=part.sha256_hex) for part in parts
            ),
        )

    async def presign_parts(self, row: ItemRow, wishes: tuple[PartRequest, ...]) -> PartUploads:
        """Raises WrongState, or Invalid for parts that the item does not have."""
        _require_multipart(row)
        count = part_count(row.size_bytes)
        if wrong := [wish.number for wish in wishes if wish.number > count]:
            message = f"this item has parts 1 to {count}, not {wrong[0]}"
            raise Invalid(errors=[{"field": "parts", "message": message}])
        upload_id = row.upload_id or await self._start_multipart(row)
        key, uploads = original_key(row.account_id, row.item_id), []
        for wish in wishes:
            url, headers = await self._objects.presign_part(
                key,
                upload_id,
                wish.number,
                size_bytes=_part_bytes(row.size_bytes, wish.number),
                sha256_hex=wish.sha256,
                valid_seconds=int(URL_LIFE.total_seconds()),
            )
            uploads.append(PartUpload(number=wish.number, url=url, headers=headers))
        return PartUploads(parts=tuple(uploads), expires_at=self._clock() + URL_LIFE)

    async def complete(self, row: ItemRow, request: RequestKey | None) -> Completed:
        """Verifies what S3 has and queues the item; repeatable.

        Raises NotUploaded, UploadMismatch (the bytes are removed, the item stays uploading), WrongState.
        """
        if row.duplicate_of is not None:
            original = await self._store.get(row.account_id, row.duplicate_of)
            return Completed(original or row, duplicate=original is not None)
        await self._requests.earlier(row.account_id, request)
        if row.state is ItemState.UPLOADING:
            if row.size_bytes <= SINGLE_PUT_BYTES:
                digest = await self._verify_single(row)
            else:
                parts, digest = await self._verify_parts(row)
                if known := await self._live_duplicate(row.account_id, digest):
                    return await self._give_way(row, known)
                await self._join(row, parts)
        else:
            digest = row.digest or ""
        answered = request.answered(row.item_id, 202) if request else None
        try:
            queued = await self._changes.apply(
                row.account_id,
                row.item_id,
                lambda current: lifecycle.complete(current, digest, self._clock()),
                request=answered if row.state is ItemState.UPLOADING else None,
            )
        except AlreadyAnswered:
            queued = await self._require(row.account_id, row.item_id)
        if row.state is ItemState.UPLOADING:
            queued = await self._queue.send(queued)
        return Completed(queued)

    async def _again(self, account: AccountId, item: ItemId) -> Created:
        row = await self._require(account, item)
        upload = await self._how_to_upload(row) if row.state is ItemState.UPLOADING else None
        return Created(row, upload, duplicate=False)

    async def _require(self, account: AccountId, item: ItemId) -> ItemRow:
        row = await self._store.get(account, item)
        if row is None:
            raise NotFound
        return row

    def _new_row(self, account: AccountId, wish: CreateItem) -> ItemRow:
        return ItemRow(
            account_id=account,
            item_id=new_item_id(),
            state=ItemState.UPLOADING,
            name=wish.name,
            caption=wish.caption,
            size_bytes=wish.size_bytes,
            content_type=wish.content_type,
            digest=wish.digest,
            captured_at=wish.captured_at,
            created_at=self._clock(),
        )

    async def _how_to_upload(self, row: ItemRow) -> SingleUpload | MultipartUpload:
        if row.size_bytes > SINGLE_PUT_BYTES:
            return MultipartUpload(
                part_size_bytes=part_size_bytes(row.size_bytes), part_count=part_count(row.size_bytes)
            )
        expires_at = self._clock() + URL_LIFE
        url, headers = await self._objects.presign_put(
            original_key(row.account_id, row.item_id),
            size_bytes=row.size_bytes,
            sha256_hex=(row.digest or "").removeprefix("sha256:"),
            name=row.name,
            valid_seconds=int(URL_LIFE.total_seconds()),
        )
        return SingleUpload(url=url, headers=headers, expires_at=expires_at)

    async def _live_duplicate(self, account: AccountId, digest: str) -> ItemRow | None:
        for item in await self._store.with_digest(account, digest):
            row = await self._store.get(account, item)
            if row is not None and row.digest == digest and row.state in LIVE:
                return row
        return None

    async def _give_way(self, row: ItemRow, known: ItemRow) -> Completed:
        """The same bytes are here already: the new item ends as cancelled and names the old one."""
        await self._objects.abort_multiparts(original_key(row.account_id, row.item_id))
        await self._changes.apply(
            row.account_id,
            row.item_id,
            lambda current: lifecycle.cancel(current, self._clock(), duplicate_of=known.item_id),
        )
        return Completed(known, duplicate=True)

    async def _start_multipart(self, row: ItemRow) -> str:
        key = original_key(row.account_id, row.item_id)
        fresh = await self._objects.start_multipart(key, name=row.name)
        current = await self._changes.apply(
            row.account_id, row.item_id, lambda current: lifecycle.start_multipart(current, fresh)
        )
        if current.upload_id is None:
            raise WrongState(f"The item is {current.state}.", state=current.state)
        if current.upload_id != fresh:
            await self._objects.abort_multipart(key, fresh)
        return current.upload_id

    async def _verify_single(self, row: ItemRow) -> str:
        key = original_key(row.account_id, row.item_id)
        stored = await self._objects.head(key)
        if stored is None:
            raise NotUploaded("S3 has nothing under this item yet.")
        if stored.size_bytes != row.size_bytes or stored.digest != row.digest:
            await self._objects.delete([key])
            raise UploadMismatch("Size or digest differ from what was declared. Upload the file again.")
        return stored.digest or ""

    async def _verify_parts(self, row: ItemRow) -> tuple[list[UploadedPart], str]:
        """The parts still to be joined (none when S3 has joined them before) and the whole's digest."""
        key = original_key(row.account_id, row.item_id)
        if row.upload_id is None:
            raise NotUploaded("No part has been uploaded yet.")
        try:
            parts = await self._objects.list_parts(key, row.upload_id)
        except Absent:
            stored = await self._objects.head(key)
            if stored is None or stored.size_bytes != row.size_bytes or stored.digest is None:
                await self._start_over(row, row.upload_id)
                raise NotUploaded("The upload is gone. Start it again.") from None
            return [], stored.digest
        self._require_all(row, parts)
        digest = parts_digest([part.sha256_hex for part in parts])
        wrong = [part.number for part in parts if part.size_bytes != _part_bytes(row.size_bytes, part.number)]
        if wrong or (row.digest is not None and digest != row.digest):
            await self._start_over(row, row.upload_id)
            raise UploadMismatch("Size or digest differ from what was declared. Upload the file again.")
        return parts, digest

    @staticmethod
    def _require_all(row: ItemRow, parts: list[UploadedPart]) -> None:
        here = {part.number for part in parts if part.sha256_hex}
        missing = [number for number in range(1, part_count(row.size_bytes) + 1) if number not in here]
        if missing:
            raise NotUploaded(
                f"{len(missing)} parts are missing.", missing=missing[:NAMED_MISSING_PARTS], missing_count=len(missing)
            )

    async def _join(self, row: ItemRow, parts: list[UploadedPart]) -> None:
        if not parts or row.upload_id is None:
            return
        try:
            await self._objects.finish_multipart(original_key(row.account_id, row.item_id), row.upload_id, parts)
        except Absent:
            return  # the same `complete` in another process was quicker; the bytes are verified either way
        except PartsRefused as refused:
            await self._start_over(row, row.upload_id)
            raise UploadMismatch("S3 could not join the parts. Upload the file again.") from refused

    async def _start_over(self, row: ItemRow, upload_id: str) -> None:
        key = original_key(row.account_id, row.item_id)
        await self._objects.abort_multiparts(key)
        await self._objects.delete([key])
        await self._changes.apply(
            row.account_id, row.item_id, lambda current: lifecycle.forget_multipart(current, upload_id)
        )


def _check(wish: CreateItem) -> None:
    if wish.size_bytes > LARGEST_ITEM_BYTES:
        raise TooLarge("An item may have 20 GiB at most.", largest_bytes=LARGEST_ITEM_BYTES)
    if wish.size_bytes <= SINGLE_PUT_BYTES:
        expected, fits = "sha256:<hex>", (wish.digest or "").startswith(whole_digest(""))
    else:
        count = part_count(wish.size_bytes)
        expected = f"sha256-parts:<hex>-{count}"
        fits = wish.digest is None or (wish.digest.startswith("sha256-parts:") and wish.digest.endswith(f"-{count}"))
    if not fits:
        raise Invalid(errors=[{"field": "digest", "message": f"an item of this size has a digest {expected}"}])


def _require_multipart(row: ItemRow) -> None:
    if row.state is not ItemState.UPLOADING:
        raise WrongState(f"The item is {row.state}.", state=row.state)
    if row.size_bytes <= SINGLE_PUT_BYTES:
        raise WrongState("An item of this size travels in one PUT, not in parts.", state=row.state)


def _part_bytes(size_bytes: int, number: int) -> int:
    part = part_size_bytes(size_bytes)
    return min(part, size_bytes - part * (number - 1))
