"""Search over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.http.caller import Caller
from app.http.dependencies import Cursor, Limit, from_state
from app.items.routes.dependencies import Representation
from app.search.schema.query import SearchRequest
from app.search.service.search import SearchService
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.ids import AlbumIdField
from darkroom_shared.items import ItemKind, ItemPage
from darkroom_shared.search import SEARCH_CHARACTERS
from darkroom_shared.times import Moment

router = APIRouter(prefix="/search", tags=["search"])


def _search_request(
    q: Annotated[
        str | None,
        Query(max_length=SEARCH_CHARACTERS, description="Words; of the last one its beginning is enough."),
    ] = None,
    camera: Annotated[str | None, Query(max_length=SEARCH_CHARACTERS, description="Words of its name.")] = None,
    album: Annotated[AlbumIdField | None, Query(description="Only items of this album.")] = None,
    kind: Annotated[ItemKind | None, Query()] = None,
    captured_from: Annotated[Moment | None, Query(description="Included.")] = None,
    captured_to: Annotated[Moment | None, Query(description="Not included.")] = None,
) -> SearchRequest:
    return SearchRequest(q, camera, album, kind, captured_from, captured_to)


@router.get("")
async def search_items(
    caller: Caller,
    search_request: Annotated[SearchRequest, Depends(_search_request)],
    search: Annotated[SearchService, from_state("search", SearchService)],
    representation: Representation,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ItemPage:
    """Return own items that match all parameters, newest capture first. A short page may still have a `next_cursor`.
    Follow the event log from the number in `Darkroom-Events`."""
    page = await search.search(caller.account_id, search_request, cursor, limit)
    response.headers[HEAD_HEADER] = str(page.applied)
    return ItemPage(items=representation.all_to_wire([(row, None) for row in page.rows]), next_cursor=page.next_cursor)
