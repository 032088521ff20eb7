"""Access to an item: one dependency for every route that takes an item's id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from app.http.caller import Caller, Credentials
from app.http.viewer import ShareProof, ShareToken, Viewing, require_viewer, viewer_named
from app.identity import Viewer
from app.items.routes.dependencies import Playback, Trash
from app.items.schema.row import ItemRow
from app.items.service.access import Access, Grants, find_access
from app.items.service.grants import MAX_CHARACTERS, Grant
from app.items.service.playback import PlaybackService
from darkroom_shared.ids import ItemId, ItemIdField
from darkroom_shared.problems import NotFound


async def resolve_item(request: Request, viewer: Viewing, item: ItemIdField) -> Access:
    """Return the caller's access. Raises NotFound also for an item that the caller may not see."""
    access = await _find(request, viewer, item)
    if access is None:
        raise NotFound
    return access


async def _find(request: Request, viewer: Viewer, item: ItemId) -> Access | None:
    grants: Sequence[Grants] = request.state.grants
    return await find_access(grants, viewer, item)


async def _own(caller: Caller, item: ItemIdField, trash: Trash) -> ItemRow:
    """Return an item of the caller, deleted or not. Raises NotFound."""
    row = await trash.get(caller.account_id, item)
    if row is None:
        raise NotFound
    return row


async def _editable(access: Annotated[Access, Depends(resolve_item)]) -> ItemRow:
    if not access.rights.edit:
        raise NotFound
    return access.row


async def _original(access: Annotated[Access, Depends(resolve_item)]) -> ItemRow:
    if not access.rights.original:
        raise NotFound
    return access.row


@dataclass(frozen=True, slots=True)
class Playing:
    """A video and the grant for its playlists."""

    row: ItemRow
    grant: Grant


async def _playing(
    request: Request,
    item: ItemIdField,
    credentials: Credentials,
    playback: Playback,
    token: ShareToken = None,
    proof: ShareProof = None,
    grant: Annotated[str | None, Query(max_length=MAX_CHARACTERS, description="From the item's playlist_url.")] = None,
) -> Playing:
    """Resolve the item by the grant in the URL, or, without a valid grant, by the caller's credentials.

    Raises NotFound, Unauthenticated.
    """
    granted = await _granted(request, playback, item, grant) if grant is not None else None
    if granted is not None:
        return granted
    if grant is not None and credentials is None and token is None:
        raise NotFound
    access = await resolve_item(request, await require_viewer(request, credentials, token, proof), item)
    return Playing(access.row, playback.grant(access.row, access.shared.name if access.shared else None))


async def _granted(request: Request, playback: PlaybackService, item: ItemId, text: str) -> Playing | None:
    grant = playback.read_grant(item, text)
    if grant is None:
        return None
    if grant.viewer is None:
        row = await playback.granted(grant)
        return Playing(row, grant) if row else None
    viewer = await viewer_named(request, grant.viewer)
    access = await _find(request, viewer, item) if viewer else None
    return Playing(access.row, grant) if access else None


PlayedItem = Annotated[Playing, Depends(_playing)]
OwnItem = Annotated[ItemRow, Depends(_own)]
ReadableItem = Annotated[Access, Depends(resolve_item)]
EditableItem = Annotated[ItemRow, Depends(_editable)]
ItemWithOriginal = Annotated[ItemRow, Depends(_original)]
