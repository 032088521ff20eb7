"""Start an upload: create an item and issue presigned requests; completion.py ends it."""

from dataclasses import dataclass

from app.items.schema.keys import original_key
from app.items.schema.row import ItemRow
from app.items.service import lifecycle
from app.items.service.changes import AlreadyCompleted, ItemChanges
from app.items.service.duplicates import live_duplicate
from app.items.service.requests import Requests, completed_request
from app.items.store import ItemStore
from app.jobs.after_commit import try_after_commit
from app.request_key import RequestKey
from app.stores.s3 import ObjectStore
from app.stores.s3_parts import Absent, UploadedPart
from darkroom_shared.ids import AccountId, ItemId, new_item_id
from darkroom_shared.items import (
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
from darkroom_shared.problems import Invalid, NotFound, TooLarge, WrongState
from darkroom_shared.times import Clock
from darkroom_shared.uploads import (
    LARGEST_ITEM_BYTES,
    SINGLE_PUT_BYTES,
    part_bytes,
    part_count,
    part_size_bytes,
    whole_digest,
)


@dataclass(frozen=True, slots=True)
class Created:
    """`upload` is None if nothing is to be uploaded: `row` is an earlier item (`duplicate`), or its upload has
    ended."""

    row: ItemRow
    upload: SingleUpload | MultipartUpload | None
    duplicate: bool


class UploadService:
    """Creates items and issues the signed URLs of their uploads."""

    def __init__(
        self,
        *,
        store: ItemStore,
        changes: ItemChanges,
        requests: Requests,
        objects: ObjectStore,
        clock: Clock,
    ) -> None:
        self._store, self._changes, self._requests = store, changes, requests
        self._objects, self._clock = objects, clock

    async def create(self, account: AccountId, body: CreateItem, request: RequestKey | None) -> Created:
        """Create an item. Raises Invalid, TooLarge, QuotaExceeded, IdempotencyMismatch."""
        _check(body)
        if earlier := await self._requests.earlier(account, request):
            return await self._again(account, earlier.item_id)
        if body.digest and (known := await live_duplicate(self._store, account, body.digest)):
            return Created(known, None, duplicate=True)
        change = lifecycle.created(self._new_row(account, body))
        upload = await self._upload_instructions(change.row)  # before the commit: signing fails without credentials
        try:
            await self._changes.create(change, completed_request(request, change.row.item_id, 201))
        except AlreadyCompleted:
            winner = await self._requests.earlier(account, request)
            if winner is None:
                raise
            return await self._again(account, winner.item_id)
        return Created(change.row, upload, duplicate=False)

    async def list_parts(self, row: ItemRow) -> StoredParts:
        """Return the parts that S3 has. Raises WrongState unless the item is uploading in parts."""
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

    async def presign_parts(self, row: ItemRow, requested_parts: tuple[PartRequest, ...]) -> PartUploads:
        """Presign a request for each part. Raises WrongState, or Invalid for part numbers that the item does not
        have."""
        _require_multipart(row)
        count = part_count(row.size_bytes)
        if wrong := [body.number for body in requested_parts if body.number > count]:
            message = f"this item has parts 1 to {count}, not {wrong[0]}"
            raise Invalid(errors=[{"field": "parts", "message": message}])
        if row.upload_id is not None:
            return await self._presign(row, row.upload_id, requested_parts)
        started = await self._objects.start_multipart(original_key(row.account_id, row.item_id), name=row.name)
        presigned = await self._presign(row, started, requested_parts)  # before the commit, as in `create`
        recorded = await self._record_multipart(row, started)
        return presigned if recorded == started else await self._presign(row, recorded, requested_parts)

    async def _presign(self, row: ItemRow, upload_id: str, requested_parts: tuple[PartRequest, ...]) -> PartUploads:
        key, uploads = original_key(row.account_id, row.item_id), []
        expires_at = self._clock() + lifecycle.URL_LIFETIME
        for body in requested_parts:
            url, headers = await self._objects.presign_part(
                key,
                upload_id,
                body.number,
                size_bytes=part_bytes(row.size_bytes, body.number),
                sha256_hex=body.sha256,
                valid_seconds=int(lifecycle.URL_LIFETIME.total_seconds()),
            )
            uploads.append(PartUpload(number=body.number, url=url, headers=headers))
        return PartUploads(parts=tuple(uploads), expires_at=self._objects.valid_until(expires_at))

    async def _again(self, account: AccountId, item: ItemId) -> Created:
        row = await self._store.require(account, item)
        upload = await self._upload_instructions(row) if row.state is ItemState.UPLOADING else None
        return Created(row, upload, duplicate=False)

    def _new_row(self, account: AccountId, body: CreateItem) -> ItemRow:
        return ItemRow(
            account_id=account,
            item_id=new_item_id(),
            state=ItemState.UPLOADING,
            name=body.name,
            caption=body.caption,
            size_bytes=body.size_bytes,
            content_type=body.content_type,
            digest=body.digest,
            captured_at=body.captured_at,
            created_at=self._clock(),
        )

    async def _upload_instructions(self, row: ItemRow) -> SingleUpload | MultipartUpload:
        if row.size_bytes > SINGLE_PUT_BYTES:
            return MultipartUpload(
                part_size_bytes=part_size_bytes(row.size_bytes), part_count=part_count(row.size_bytes)
            )
        expires_at = self._clock() + lifecycle.URL_LIFETIME
        url, headers = await self._objects.presign_put(
            original_key(row.account_id, row.item_id),
            size_bytes=row.size_bytes,
            sha256_hex=(row.digest or "").removeprefix("sha256:"),
            name=row.name,
            valid_seconds=int(lifecycle.URL_LIFETIME.total_seconds()),
        )
        return SingleUpload(url=url, headers=headers, expires_at=self._objects.valid_until(expires_at))

    async def _record_multipart(self, row: ItemRow, started: str) -> str:
        """Return the item's upload id: `started`, or that of a concurrent request, which started another one.

        Raises NotFound, WrongState. An upload that is not the item's is aborted, or else expires by the bucket's rule.
        """
        try:
            current = await self._changes.apply(
                row.account_id, row.item_id, lambda current: lifecycle.start_multipart(current, started)
            )
        except (NotFound, WrongState):
            await self._abort(row, started)
            raise
        if current.upload_id != started:
            await self._abort(row, started)
        if current.upload_id is None:
            raise WrongState(f"The item is {current.state}.", state=current.state)
        return current.upload_id

    async def _abort(self, row: ItemRow, upload_id: str) -> None:
        work = self._objects.abort_multipart(original_key(row.account_id, row.item_id), upload_id)
        await try_after_commit(work, "multipart.abort", item=row.item_id)


def _check(body: CreateItem) -> None:
    if body.size_bytes > LARGEST_ITEM_BYTES:
        raise TooLarge("An item may have 20 GiB at most.", largest_bytes=LARGEST_ITEM_BYTES)
    if body.size_bytes <= SINGLE_PUT_BYTES:
        expected, fits = "sha256:<hex>", (body.digest or "").startswith(whole_digest(""))
    else:
        count = part_count(body.size_bytes)
        expected = f"sha256-parts:<hex>-{count}"
        fits = body.digest is None or (body.digest.startswith("sha256-parts:") and body.digest.endswith(f"-{count}"))
    if not fits:
        raise Invalid(errors=[{"field": "digest", "message": f"an item of this size has a digest {expected}"}])


def _require_multipart(row: ItemRow) -> None:
    if row.state is not ItemState.UPLOADING:
        raise WrongState(f"The item is {row.state}.", state=row.state)
    if row.size_bytes <= SINGLE_PUT_BYTES:
        raise WrongState("An item of this size travels in one PUT, not in parts.", state=row.state)
