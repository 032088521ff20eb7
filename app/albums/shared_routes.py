"""A shared album over HTTP, for whoever has its link. No session is needed, and none is looked at."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.accounts.client_address import ClientAddress
from app.albums.dependencies import Cursor, Limit
from app.albums.placement_routes import item_to_wire
from app.albums.visits import AlbumVisits
from app.items.routes import Items
from app.sharing.visits import VisitService
from app.viewer import ShareToken, Visiting
from shared.albums import AlbumItemPage
from shared.problems import NotFound
from shared.sharing import SharedAlbum, UnlockedShare, UnlockShare


def _never_stored(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


router = APIRouter(prefix="/shared", tags=["sharing"], dependencies=[Depends(_never_stored)])


def _album_visits(request: Request) -> AlbumVisits:
    service: AlbumVisits = request.state.album_visits
    return service


def _visits(request: Request) -> VisitService:
    service: VisitService = request.state.shares
    return service


Albums = Annotated[AlbumVisits, Depends(_album_visits)]
Visits = Annotated[VisitService, Depends(_visits)]


@router.get("")
async def get_shared_album(visitor: Visiting, albums: Albums) -> SharedAlbum:
    """404 for an unknown link, one that was revoked, and one whose time is over; `share-locked` wants its password."""
    return await albums.album(visitor)


@router.get("/items")
async def list_shared_items(
    visitor: Visiting,
    albums: Albums,
    items: Items,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AlbumItemPage:
    """In the album's order. The addresses in it live ten to twenty minutes; the same link reads an item again."""
    page = await albums.page(visitor, cursor, limit)
    return AlbumItemPage(items=tuple(item_to_wire(items, each) for each in page.items), next_cursor=page.next_cursor)


@router.post("/unlock")
async def unlock_share(
    body: UnlockShare, client: ClientAddress, visits: Visits, token: ShareToken = None
) -> UnlockedShare:
    """For a link with a password: a proof for twelve hours, to be sent along instead of the password."""
    if token is None:
        raise NotFound
    return await visits.unlock(token, body.password.get_secret_value(), client=client)
