"""Search over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.caller import Caller
from app.items.service import ItemService
from app.search.query import Wish
from app.search.service import SearchService
from shared.events import HEAD_HEADER
from shared.ids import AlbumIdField
from shared.items import ItemKind, ItemPage
from shared.search import SEARCH_CHARACTERS
from shared.times import Moment

router = APIRouter(prefix="/search", tags=["search"])


def _search(request: Request) -> SearchService:
    service: SearchService = request.state.search
    return service


def _items(request: Request) -> ItemService:
    service: ItemService = request.state.items
    return service


def _wish(
    q: Annotated[
        str | None,
        Query(max_length=SEARCH_CHARACTERS, description="Words; of the last one its beginning is enough."),
    ] = None,
    camera: Annotated[str | None, Query(max_length=SEARCH_CHARACTERS, description="Words of its name.")] = None,
    album: Annotated[AlbumIdField | None, Query(description="Only what lies in this album.")] = None,
    kind: Annotated[ItemKind | None, Query()] = None,
    captured_from: Annotated[Moment | None, Query(description="Included.")] = None,
    captured_to: Annotated[Moment | None, Query(description="Not included.")] = None,
) -> Wish:
    return Wish(q, camera, album, kind, captured_from, captured_to)


@router.get("")
async def search_items(
    caller: Caller,
    wish: Annotated[Wish, Depends(_wish)],
    search: Annotated[SearchService, Depends(_search)],
    items: Annotated[ItemService, Depends(_items)],
    response: Response,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> ItemPage:
    """Own items that fit everything that is named, newest capture first. A page may be short and still have a
    `next_cursor`; `Darkroom-Events` says from which event on to follow."""
    found = await search.search(caller.account_id, wish, cursor, limit)
    response.headers[HEAD_HEADER] = str(found.applied)
    return ItemPage(items=tuple(items.shown(row) for row in found.rows), next_cursor=found.next_cursor)
