"""The items of an album, over HTTP."""

from fastapi import APIRouter, Response

from app.albums.routes.dependencies import Albums, Moves, Pages, Placements
from app.albums.service.pages import VisibleItem, VisiblePage
from app.events.routes import Log
from app.http.caller import Caller
from app.http.dependencies import Cursor, Limit
from app.http.idempotency import Key
from app.identity import Member
from app.items.routes.dependencies import Representation
from app.items.service.representation import ItemRepresentation
from darkroom_shared.albums import AddedItems, AddItems, AlbumItem, AlbumItemPage, MoveItems, RemovedItems, RemoveItems
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.ids import AlbumIdField
from darkroom_shared.items import Item

router = APIRouter(prefix="/albums/{album}/items", tags=["albums"])


@router.get("")
async def list_album_items(
    album: AlbumIdField,
    caller: Caller,
    albums: Albums,
    pages: Pages,
    representation: Representation,
    log: Log,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AlbumItemPage:
    """List in the album's order: by capture time, oldest first, or manual. Own items appear in any state, other
    accounts' items once they are viewable."""
    head = await log.head(caller.account_id)
    access = await albums.require(caller.account_id, album)
    page = await pages.page(access.album, Member(caller.account_id), cursor, limit)
    response.headers[HEAD_HEADER] = str(head.last)
    return page_to_wire(representation, page)


@router.post("")
async def add_items(
    album: AlbumIdField, body: AddItems, caller: Caller, placements: Placements, key: Key
) -> AddedItems:
    """Add own items, as the owner or a contributor. Idempotent. If the album allows originals, this allows theirs."""
    added = await placements.add(caller.account_id, album, body.ids, key)
    return AddedItems(added=added.done, absent=added.absent)


@router.post("/remove")
async def remove_items(
    album: AlbumIdField, body: RemoveItems, caller: Caller, placements: Placements, key: Key
) -> RemovedItems:
    """Remove items: the owner any, a contributor own ones. Other members get no new URLs from then on."""
    removed = await placements.remove(caller.account_id, album, body.ids, key)
    return RemovedItems(removed=removed.done, absent=removed.absent)


@router.post("/move", status_code=204)
async def move_items(album: AlbumIdField, body: MoveItems, caller: Caller, moves: Moves, key: Key) -> None:
    """For the owner. The result is visible while the album's `order` is `manual`."""
    await moves.move(caller.account_id, album, body, key)


def page_to_wire(representation: ItemRepresentation, page: VisiblePage) -> AlbumItemPage:
    items = representation.all_to_wire([(each.row, each.shared) for each in page.items])
    listed = tuple(_item_to_wire(each, item) for each, item in zip(page.items, items, strict=True))
    return AlbumItemPage(items=listed, next_cursor=page.next_cursor)


def _item_to_wire(each: VisibleItem, item: Item) -> AlbumItem:
    """Return the item as one of an album; visitors of a share do not learn who owns it."""
    named = each.shared is None or isinstance(each.shared, Member)
    return AlbumItem(
        item=item,
        owner_id=each.row.account_id if named else None,
        added_at=each.placed.added_at,
        original=each.original,
    )
