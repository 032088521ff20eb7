"""The owner's actions on items: get, list, edit, cancel, retry, read the receipt, get the original."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.identity import Viewer
from app.items.schema.keys import original_key, path_in_folder
from app.items.schema.row import ItemRow, captured_key, to_item
from app.items.service import lifecycle
from app.items.service.changes import AlreadyCompleted, ItemChanges
from app.items.service.delivery import Audience, Delivery
from app.items.service.playback import PlaybackService
from app.items.service.queueing import WorkQueue
from app.items.service.requests import Requests, completed_request
from app.items.store import ItemStore
from app.pagination import Cursors, Position
from app.request_key import RequestKey
from app.stores.cloudfront import SignedFolder
from app.stores.s3 import ObjectStore
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import EditItem, Item, ItemState, OriginalUrl, Receipt
from darkroom_shared.problems import NotFound, WrongState
from darkroom_shared.times import Clock, to_rfc3339

CAPTURED = "captured"
VIEWABLE = frozenset({ItemState.QUEUED, ItemState.PROCESSING, ItemState.READY})
"""States in which other viewers can see an item, provided it has a result."""
HAVE_ORIGINAL = frozenset({ItemState.QUEUED, ItemState.PROCESSING, ItemState.READY, ItemState.FAILED})
MAX_PAGES = 50
"""Maximum number of queries per request. Beyond it the page is short and its cursor continues."""
ROWS_PER_PAGE = 200
"""Page size for deleted items, which are rare and stored among all the others."""
_OWNERS_ONLY = {"digest": None, "deadline": None}
"""Hidden from other viewers: the digest of the file, and the progress of its processing."""


@dataclass(frozen=True, slots=True)
class Listed:
    """`next_cursor` is None on the last page."""

    rows: list[ItemRow]
    next_cursor: str | None


class ItemService:
    """Reads and edits items. Methods that take a row expect that the caller's access to it was checked."""

    def __init__(
        self,
        store: ItemStore,
        changes: ItemChanges,
        requests: Requests,
        objects: ObjectStore,
        queue: WorkQueue,
        delivery: Delivery,
        playback: PlaybackService,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        self._store, self._changes, self._requests = store, changes, requests
        self._objects, self._queue, self._delivery = objects, queue, delivery
        self._playback, self._cursors, self._clock = playback, cursors, clock

    async def get(self, account: AccountId, item: ItemId) -> ItemRow | None:
        """Return the item, or None if it is absent, deleted, or another account's."""
        row = await self._store.get(account, item)
        return None if row is None or row.state is ItemState.DELETED else row

    async def get_many(self, account: AccountId, items: Sequence[ItemId]) -> dict[ItemId, ItemRow]:
        """Return those items that `get` would return, in their current state."""
        rows = await self._store.get_many([(account, item) for item in items])
        return {row.item_id: row for row in rows if _is_visible(row)}

    async def get_of_any(self, items: Sequence[tuple[AccountId, ItemId]]) -> dict[ItemId, ItemRow]:
        """Return items like `get_many`, but of any account."""
        return {row.item_id: row for row in await self._store.get_many(items) if _is_visible(row)}

    async def list(
        self, account: AccountId, *, order: str, cursor: str | None, limit: int, deleted: bool = False
    ) -> Listed:
        """List items, newest first; with `deleted`, those that can be restored. Raises Invalid for a cursor of
        another account or list."""
        captured, kind = order == CAPTURED, f"{order}, deleted" if deleted else order
        belongs = _is_restorable if deleted else _is_visible
        position = self._cursors.read(account, kind, cursor) if cursor else None
        rows: list[ItemRow] = []
        for _ in range(MAX_PAGES):
            row_limit = ROWS_PER_PAGE if deleted else limit - len(rows)
            page, more = await self._store.page(account, captured=captured, after=position, limit=row_limit)
            for examined, row in enumerate(page, start=1):
                position = _position(row)
                rows += [row] if belongs(row) else []
                if len(rows) == limit:
                    more = more or examined < len(page)
                    break
            if not more:
                return Listed(rows, None)
            if len(rows) == limit:
                break
        return Listed(rows, self._cursors.write(account, kind, position) if position else None)

    async def edit(self, row: ItemRow, body: EditItem, expected: int | None) -> ItemRow:
        """Change the fields that the body names. Raises Outdated, NotFound."""
        return await self._changes.apply(
            row.account_id, row.item_id, lambda current: lifecycle.edit(current, body, expected)
        )

    async def cancel(self, row: ItemRow) -> ItemRow:
        """Cancel the item. Raises WrongState if it is too late; cancelling again is no error."""
        return await self._changes.apply(
            row.account_id, row.item_id, lambda current: lifecycle.cancel(_visible(current), self._clock())
        )

    async def retry(self, row: ItemRow, request: RequestKey | None) -> ItemRow:
        """Queue a failed or cancelled item again. Raises WrongState, also if its original is deleted."""
        if await self._requests.earlier(row.account_id, request):
            return await self._require(row.account_id, row.item_id)
        if await self._objects.head(original_key(row.account_id, row.item_id)) is None:
            raise WrongState("Its original is not there any more. Upload the file again.", state=row.state)
        try:
            queued = await self._changes.apply(
                row.account_id,
                row.item_id,
                lambda current: lifecycle.retry(_visible(current), self._clock()),
                request=completed_request(request, row.item_id, 202),
            )
        except AlreadyCompleted:
            return await self._require(row.account_id, row.item_id)
        return await self._queue.send_after_commit(queued)

    async def receipt(self, row: ItemRow) -> Receipt:
        """Return all steps in the order in which they were written."""
        return Receipt(steps=tuple(await self._store.receipt(row.item_id)))

    async def original(self, row: ItemRow) -> OriginalUrl:
        """Return a signed URL of the original. Raises WrongState if there is no original (yet)."""
        if (
            row.state not in HAVE_ORIGINAL
            and await self._objects.head(original_key(row.account_id, row.item_id)) is None
        ):
            raise WrongState("There is no original.", state=row.state)
        url, expires_at = self._delivery.original(row.account_id, row.item_id)
        return OriginalUrl(url=url, expires_at=expires_at)

    def to_wire(self, row: ItemRow, viewer: Viewer | None = None) -> Item:
        """Return the wire model with signed URLs, for the owner or for `viewer`."""
        item = to_item(row) if viewer is None else to_item(row).model_copy(update=_OWNERS_ONLY)
        if row.result is None:
            return item
        folder = self._folder(row, viewer)
        result = row.result
        renditions = tuple(
            rendition.model_copy(update={"url": folder.url(path_in_folder(*result.folder_of(stored), stored.file))})
            for rendition, stored in zip(item.renditions, result.renditions, strict=True)
        )
        signed = {"renditions": renditions, "urls_expire_at": folder.expires_at}
        playlist = self._playback.playlist_url(row, viewer.name if viewer else None) if _is_visible(row) else None
        return item.model_copy(update=signed | {"playlist_url": playlist})

    def tag(self, row: ItemRow, viewer: Viewer | None = None) -> str:
        """Return the ETag: first the version, which If-Match refers to, then everything else that changes the
        representation."""
        window = ""
        if row.result is not None:
            window = to_rfc3339(self._folder(row, viewer).expires_at)
        return f'"{row.version}-{row.revision}-{window}"'

    def _folder(self, row: ItemRow, viewer: Viewer | None) -> SignedFolder:
        audience = Audience.OWNER if viewer is None else Audience.VIEWER
        return self._delivery.rendition_folder(row.account_id, row.item_id, audience)

    async def _require(self, account: AccountId, item: ItemId) -> ItemRow:
        row = await self.get(account, item)
        if row is None:
            raise NotFound
        return row


def is_viewable(row: ItemRow) -> bool:
    """Return whether viewers other than the owner can see the item."""
    return row.state in VIEWABLE and row.result is not None


def _is_visible(row: ItemRow) -> bool:
    return row.state is not ItemState.DELETED


def _is_restorable(row: ItemRow) -> bool:
    return row.state is ItemState.DELETED and row.purge is None


def _visible(row: ItemRow) -> ItemRow:
    if row.state is ItemState.DELETED:
        raise NotFound
    return row


def _position(row: ItemRow) -> Position:
    return Position(row.item_id, captured_key(row))
