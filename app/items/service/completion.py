"""Complete an upload: compare the object in S3 with the declaration, join the parts, queue the item."""

from dataclasses import dataclass

from app.items.schema.keys import original_key
from app.items.schema.row import ItemRow
from app.items.service import lifecycle
from app.items.service.changes import AlreadyCompleted, ItemChanges
from app.items.service.duplicates import live_duplicate
from app.items.service.queueing import WorkQueue
from app.items.service.requests import Requests, completed_request
from app.items.store import CompletedRequest, ItemStore
from app.request_key import RequestKey
from app.stores.s3 import ObjectStore
from app.stores.s3_parts import Absent, PartsRefused, UploadedPart
from darkroom_shared.items import ItemState
from darkroom_shared.problems import NotUploaded, UploadMismatch
from darkroom_shared.times import Clock
from darkroom_shared.uploads import SINGLE_PUT_BYTES, part_bytes, part_count, parts_digest

NAMED_MISSING_PARTS = 20


@dataclass(frozen=True, slots=True)
class Completed:
    """`duplicate`: `row` is an earlier item with the same bytes, and the new one was cancelled."""

    row: ItemRow
    duplicate: bool = False


class CompletionService:
    """Completes an upload: verifies the bytes, joins the parts, detects duplicates, queues the item."""

    def __init__(
        self,
        *,
        store: ItemStore,
        changes: ItemChanges,
        requests: Requests,
        objects: ObjectStore,
        queue: WorkQueue,
        clock: Clock,
    ) -> None:
        self._store, self._changes, self._requests = store, changes, requests
        self._objects, self._queue, self._clock = objects, queue, clock

    async def complete(self, row: ItemRow, request: RequestKey | None) -> Completed:
        """Verify the uploaded object and queue the item. Idempotent.

        Raises NotUploaded, UploadMismatch (the bytes are deleted, the item stays uploading), WrongState.
        """
        if row.duplicate_of is not None:
            original = await self._store.get(row.account_id, row.duplicate_of)
            return Completed(original or row, duplicate=original is not None)
        await self._requests.earlier(row.account_id, request)
        if row.state is not ItemState.UPLOADING:
            return Completed(await self._queue_item(row, row.digest or "", None))
        if row.size_bytes <= SINGLE_PUT_BYTES:
            digest = await self._verify_single(row)
        else:
            parts, digest = await self._verify_parts(row)
            if known := await live_duplicate(self._store, row.account_id, digest):
                return await self._yield_to_duplicate(row, known)
            await self._join(row, parts)
        queued = await self._queue_item(row, digest, completed_request(request, row.item_id, 202))
        return Completed(await self._queue.send_after_commit(queued))

    async def _queue_item(self, row: ItemRow, digest: str, request: CompletedRequest | None) -> ItemRow:
        """Move the row to queued and return it. If it was queued before, return the current row."""
        try:
            return await self._changes.apply(
                row.account_id,
                row.item_id,
                lambda current: lifecycle.complete(current, digest, self._clock()),
                request=request,
                known=row,
            )
        except AlreadyCompleted:
            return await self._store.require(row.account_id, row.item_id)

    async def _yield_to_duplicate(self, row: ItemRow, known: ItemRow) -> Completed:
        """Cancel the new item, because the account already has an item with the same bytes, and point to that one."""
        await self._objects.abort_multiparts(original_key(row.account_id, row.item_id))
        await self._changes.apply(
            row.account_id,
            row.item_id,
            lambda current: lifecycle.cancel(current, self._clock(), duplicate_of=known.item_id),
        )
        return Completed(known, duplicate=True)

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
        """Return the parts still to join (none if S3 has already joined them) and the digest of the whole."""
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
        wrong = [part.number for part in parts if part.size_bytes != part_bytes(row.size_bytes, part.number)]
        if wrong or (row.digest is not None and digest != row.digest):
            await self._start_over(row, row.upload_id)
            raise UploadMismatch("Size or digest differ from what was declared. Upload the file again.")
        return parts, digest

    @staticmethod
    def _require_all(row: ItemRow, parts: list[UploadedPart]) -> None:
        verified = {part.number for part in parts if part.sha256_hex}
        missing = [number for number in range(1, part_count(row.size_bytes) + 1) if number not in verified]
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
            return  # a concurrent `complete` joined them first; the bytes are verified either way
        except PartsRefused as refused:
            await self._start_over(row, row.upload_id)
            raise UploadMismatch("S3 could not join the parts. Upload the file again.") from refused

    async def _start_over(self, row: ItemRow, upload_id: str) -> None:
        key = original_key(row.account_id, row.item_id)
        await self._objects.abort_multiparts(key)
        await self._objects.delete([key])
        await self._changes.apply(
            row.account_id, row.item_id, lambda current: lifecycle.clear_multipart(current, upload_id)
        )
