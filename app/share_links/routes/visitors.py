"""A shared album over HTTP, for visitors with its link; a session is neither needed nor read."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.albums.routes.placements import page_to_wire
from app.http.client_address import ClientAddress
from app.http.dependencies import Cursor, Limit, forbid_storing, from_state
from app.http.viewer import ShareToken, Visiting
from app.items.routes.dependencies import Representation
from app.share_links.service.album_visits import AlbumVisits
from app.share_links.service.visits import VisitService
from darkroom_shared.albums import AlbumItemPage
from darkroom_shared.problems import NotFound
from darkroom_shared.sharing import SharedAlbum, UnlockedShare, UnlockShare

router = APIRouter(prefix="/shared", tags=["sharing"], dependencies=[Depends(forbid_storing)])


Albums = Annotated[AlbumVisits, from_state("album_visits", AlbumVisits)]
Visits = Annotated[VisitService, from_state("shares", VisitService)]


@router.get("")
async def get_shared_album(visitor: Visiting, albums: Albums) -> SharedAlbum:
    """404 for an unknown, revoked or expired link; `share-locked` if the link needs its password first."""
    return await albums.album(visitor)


@router.get("/items")
async def list_shared_items(
    visitor: Visiting,
    albums: Albums,
    representation: Representation,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AlbumItemPage:
    """List in the album's order. The URLs are valid for ten to twenty minutes; read an item again for new ones."""
    page = await albums.page(visitor, cursor, limit)
    return page_to_wire(representation, page)


@router.post("/unlock")
async def unlock_share(
    body: UnlockShare, client: ClientAddress, visits: Visits, token: ShareToken = None
) -> UnlockedShare:
    """Exchange the link's password for a proof that replaces it for twelve hours."""
    if token is None:
        raise NotFound
    return await visits.unlock(token, body.password.get_secret_value(), client=client)
