"""Albums over HTTP."""

from fastapi import APIRouter, Response

from app.access.schema.values import AlbumAccess
from app.albums.routes.dependencies import Albums, Creation, Lists
from app.albums.routes.fast_path import album_response, tag_of
from app.albums.service.album_events import to_wire
from app.events.routes import Log
from app.http.caller import Caller
from app.http.conditional import ExpectedVersion, IfNoneMatch
from app.http.dependencies import Cursor, Limit
from app.http.idempotency import Key
from darkroom_shared.albums import Album, AlbumPage, CreateAlbum, EditAlbum
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.ids import AlbumIdField
from darkroom_shared.problems import Invalid

router = APIRouter(prefix="/albums", tags=["albums"])


@router.post("", status_code=201)
async def create_album(body: CreateAlbum, caller: Caller, creation: Creation, key: Key, response: Response) -> Album:
    """Create an album. Repeated with the same key, it returns the first one."""
    access = await creation.create(caller.account_id, body, key)
    response.headers["Location"] = f"/v1/albums/{access.album.id}"
    return _respond(access, response)


@router.get("")
async def list_albums(
    caller: Caller, lists: Lists, log: Log, response: Response, limit: Limit = 100, cursor: Cursor = None
) -> AlbumPage:
    """List own and joined albums, newest first. Follow the event log from the number in `Darkroom-Events`."""
    head = await log.head(caller.account_id)
    listed = await lists.list(caller.account_id, cursor, limit)
    response.headers[HEAD_HEADER] = str(head.last)
    return AlbumPage(
        albums=tuple(to_wire(each.album, each.role) for each in listed.accesses),
        covers=await lists.covers(caller.account_id, listed),
        next_cursor=listed.next_cursor,
    )


@router.get("/{album}", response_model=Album, responses={304: {"description": "Not changed since"}})
async def get_album(album: AlbumIdField, caller: Caller, albums: Albums, if_none_match: IfNoneMatch = None) -> Response:
    """Most requests do not reach this route: see fast_path.py."""
    return album_response(await albums.require(caller.account_id, album), if_none_match)


@router.patch("/{album}")
async def edit_album(
    album: AlbumIdField, body: EditAlbum, caller: Caller, albums: Albums, expected: ExpectedVersion, response: Response
) -> Album:
    """For the owner: change the fields that the body names, with If-Match only if the version still matches."""
    if not body.model_fields_set:
        raise Invalid(errors=[{"field": "", "message": "name at least one field to change"}])
    return _respond(await albums.edit(caller.account_id, album, body, expected), response)


@router.delete("/{album}", status_code=204)
async def delete_album(album: AlbumIdField, caller: Caller, albums: Albums, expected: ExpectedVersion) -> None:
    """For the owner. No member or visitor sees the album any more; its items stay with their owners."""
    await albums.delete(caller.account_id, album, expected)


def _respond(access: AlbumAccess, response: Response) -> Album:
    response.headers["ETag"] = tag_of(access)
    response.headers["Cache-Control"] = "private, no-cache"
    return to_wire(access.album, access.role)
