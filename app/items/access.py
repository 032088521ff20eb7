"""Who may do what with an item: one dependency for every route that takes an item's id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Query, Request

from app.caller import Caller, Credentials, require_caller
from app.items.grants import MOST_CHARACTERS, Grant
from app.items.playback import PlaybackService
from app.items.row import ItemRow
from app.items.service import ItemService
from app.items.trash import TrashService
from shared.ids import AccountId, ItemId, ItemIdField
from shared.problems import NotFound


@dataclass(frozen=True, slots=True)
class Rights:
    """What the caller may do with one item."""

    edit: bool
    original: bool


@dataclass(frozen=True, slots=True)
class Access:
    row: ItemRow
    rights: Rights


class Grants(Protocol):
    """Something that may give a caller rights to an item; None when it gives none."""

    async def access(self, caller: AccountId, item: ItemId) -> Access | None: ...


class OwnItems:
    """Everybody may do everything with own items."""

    def __init__(self, items: ItemService) -> None:
        self._items = items

    async def access(self, caller: AccountId, item: ItemId) -> Access | None:
        row = await self._items.get(caller, item)
        return Access(row, Rights(edit=True, original=True)) if row else None


async def resolve_item(request: Request, caller: Caller, item: ItemIdField) -> Access:
    """Asks each grant in turn. Raises NotFound: a foreign item looks like an absent one."""
    grants: Sequence[Grants] = request.state.grants
    for grant in grants:
        if access := await grant.access(caller.account_id, item):
            return access
    raise NotFound


def _trash(request: Request) -> TrashService:
    service: TrashService = request.state.trash
    return service


Trash = Annotated[TrashService, Depends(_trash)]


async def _own(caller: Caller, item: ItemIdField, trash: Trash) -> ItemRow:
    """What only its owner may do, deleted or not. Raises NotFound."""
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


async def _readable(access: Annotated[Access, Depends(resolve_item)]) -> ItemRow:
    return access.row


@dataclass(frozen=True, slots=True)
class Playing:
    """A video, and what lets the caller play it."""

    row: ItemRow
    grant: Grant


def _playback(request: Request) -> PlaybackService:
    service: PlaybackService = request.state.playback
    return service


Playback = Annotated[PlaybackService, Depends(_playback)]


async def _playing(
    request: Request,
    item: ItemIdField,
    credentials: Credentials,
    playback: Playback,
    grant: Annotated[str | None, Query(max_length=MOST_CHARACTERS, description="From the item's playlist_url.")] = None,
) -> Playing:
    """By the grant in the URL; without a valid one by whoever asks. Raises NotFound, Unauthenticated."""
    granted = await playback.granted(item, grant) if grant is not None else None
    if granted is not None:
        return Playing(*granted)
    if grant is not None and credentials is None:
        raise NotFound
    access = await resolve_item(request, await require_caller(request, credentials), item)
    return Playing(access.row, playback.grant(access.row))


PlayedItem = Annotated[Playing, Depends(_playing)]
OwnItem = Annotated[ItemRow, Depends(_own)]
ReadableItem = Annotated[ItemRow, Depends(_readable)]
EditableItem = Annotated[ItemRow, Depends(_editable)]
ItemWithOriginal = Annotated[ItemRow, Depends(_original)]
