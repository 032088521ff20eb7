"""HTTP routes of items."""

import asyncio
import gzip
import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from app.events.routes import Log
from app.http.caller import Caller
from app.http.conditional import ExpectedVersion, IfNoneMatch, is_unchanged
from app.http.dependencies import Cursor, Limit
from app.http.idempotency import Key
from app.items.routes.access import EditableItem, ItemWithOriginal, PlayedItem, ReadableItem
from app.items.routes.dependencies import Actions, Completion, Items, Playback, Representation, Uploads
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.items import (
    CompletedItem,
    CreatedItem,
    CreateItem,
    EditItem,
    Item,
    ItemPage,
    OriginalUrl,
    PartsRequest,
    PartUploads,
    Receipt,
    StoredParts,
)
from darkroom_shared.problems import Invalid

router = APIRouter(prefix="/items", tags=["items"])

COMPRESSION = 3
"""gzip level: for playlists, higher levels save a few per cent for several times the CPU."""
POLL_SECONDS = "2"
"""Retry-After for an item in processing. Clients that can should subscribe to the events instead."""


@router.post("", status_code=201, responses={200: {"model": CreatedItem}})
async def create_item(
    body: CreateItem, caller: Caller, uploads: Uploads, representation: Representation, key: Key, response: Response
) -> CreatedItem:
    """Create an item and return how to upload it. Returns 200 and the existing item if the account has the same
    bytes."""
    created = await uploads.create(caller.account_id, body, key)
    if created.duplicate:
        response.status_code = 200
    response.headers["Location"] = f"/v1/items/{created.row.item_id}"
    return CreatedItem(item=representation.to_wire(created.row), upload=created.upload, duplicate=created.duplicate)


@router.get("")
async def list_items(
    caller: Caller,
    items: Items,
    representation: Representation,
    log: Log,
    response: Response,
    order: Literal["created", "captured"] = "created",
    limit: Limit = 100,
    cursor: Cursor = None,
    deleted: Annotated[bool, Query(description="Instead those that can be restored.")] = False,
) -> ItemPage:
    """List items, newest first. `Darkroom-Events` holds the sequence number to subscribe to events from."""
    head = await log.head(caller.account_id)
    listed = await items.list(caller.account_id, order=order, cursor=cursor, limit=limit, deleted=deleted)
    response.headers[HEAD_HEADER] = str(head.last)
    return ItemPage(
        items=representation.all_to_wire([(row, None) for row in listed.rows]), next_cursor=listed.next_cursor
    )


@router.get("/{item}", responses={304: {"description": "Not changed since"}})
async def get_item(
    access: ReadableItem, representation: Representation, response: Response, if_none_match: IfNoneMatch = None
) -> Item:
    """Return an item of the caller, or one that an album or link shares with the caller."""
    tag = representation.tag(access.row, access.shared)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    if is_unchanged(tag, if_none_match):
        return Response(status_code=304, headers=dict(response.headers))  # type: ignore[return-value]  # no body
    return representation.to_wire(access.row, access.shared)


@router.patch("/{item}")
async def edit_item(
    row: EditableItem,
    body: EditItem,
    actions: Actions,
    representation: Representation,
    expected: ExpectedVersion,
    response: Response,
) -> Item:
    """Change the fields that the body names; with If-Match only if the version matches."""
    if not body.model_fields_set:
        raise Invalid(errors=[{"field": "", "message": "name at least one field to change"}])
    edited = await actions.edit(row, body, expected)
    response.headers["ETag"] = representation.tag(edited)
    return representation.to_wire(edited)


@router.get("/{item}/parts")
async def list_parts(row: EditableItem, uploads: Uploads) -> StoredParts:
    """List the parts that S3 has, so that an interrupted upload can continue on any device."""
    return await uploads.list_parts(row)


@router.post("/{item}/parts")
async def presign_parts(row: EditableItem, body: PartsRequest, uploads: Uploads) -> PartUploads:
    """Presign requests for single parts, valid for one hour."""
    return await uploads.presign_parts(row, body.parts)


@router.post("/{item}/complete", status_code=202)
async def complete_item(
    row: EditableItem, completion: Completion, representation: Representation, key: Key, response: Response
) -> CompletedItem:
    """Verify the upload and queue the item. Idempotent."""
    completed = await completion.complete(row, key)
    response.headers["Location"] = f"/v1/items/{completed.row.item_id}"
    response.headers["Retry-After"] = POLL_SECONDS
    return CompletedItem(item=representation.to_wire(completed.row), duplicate=completed.duplicate)


@router.post("/{item}/cancel")
async def cancel_item(row: EditableItem, actions: Actions, representation: Representation) -> Item:
    """Cancel an item in upload or processing. Idempotent."""
    return representation.to_wire(await actions.cancel(row))


@router.post("/{item}/retry", status_code=202)
async def retry_item(
    row: EditableItem, actions: Actions, representation: Representation, key: Key, response: Response
) -> Item:
    """Queue a failed or cancelled item again."""
    retried = await actions.retry(row, key)
    response.headers["Retry-After"] = POLL_SECONDS
    return representation.to_wire(retried)


@router.get("/{item}/receipt")
async def get_receipt(row: EditableItem, items: Items) -> Receipt:
    return await items.receipt(row)


@router.get("/{item}/original")
async def get_original(row: ItemWithOriginal, representation: Representation) -> OriginalUrl:
    """Return a signed URL of the original bytes, valid for ten minutes."""
    return await representation.original(row)


class PlaylistResponse(Response):
    """The media type of playlists in the OpenAPI document."""

    media_type = "application/vnd.apple.mpegurl"


@router.get("/{item}/hls/main.m3u8", response_class=PlaylistResponse)
async def get_main_playlist(playing: PlayedItem, playback: Playback, request: Request) -> Response:
    """Return the HLS main playlist. The item's `playlist_url` includes a grant, so players need no session."""
    return _playlist(request, playback.main(playing.row, playing.grant))


@router.get("/{item}/hls/{attempt}/{rung}.m3u8", response_class=PlaylistResponse)
async def get_media_playlist(
    playing: PlayedItem,
    attempt: Annotated[int, Path(ge=1, le=999_999)],
    rung: Annotated[str, Path(pattern=r"^[0-9a-z]{1,16}$")],
    playback: Playback,
    request: Request,
) -> Response:
    """Return the HLS playlist of one rung, as far as it is written. 410 if that attempt has ended: load the item
    again."""
    text = await playback.media(playing.row, playing.grant, attempt, rung)
    return await asyncio.to_thread(_playlist, request, text)


def _playlist(request: Request, text: str) -> Response:
    """Return the playlist, compressed if possible: players poll it while it grows, and signed URLs compress well."""
    content = text.encode()
    tag = f'W/"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if is_unchanged(tag, request.headers.get("if-none-match")):
        return PlaylistResponse(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, COMPRESSION, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return PlaylistResponse(content, headers=headers)
