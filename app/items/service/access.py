"""What a viewer may do with one item, and the sources that grant it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.identity import Member, Viewer
from app.items.schema.row import ItemRow
from app.items.service.items import ItemService
from darkroom_shared.ids import ItemId


@dataclass(frozen=True, slots=True)
class Rights:
    """What a viewer may do with one item. Only the owner may edit."""

    edit: bool
    original: bool


@dataclass(frozen=True, slots=True)
class Access:
    """An item and what the viewer may do with it."""

    row: ItemRow
    rights: Rights
    viewer: Viewer

    @property
    def shared(self) -> Viewer | None:
        """Return the viewer, or None for the owner."""
        return None if self.rights.edit else self.viewer


class Grants(Protocol):
    """A source of access to items: own items, albums, share links. Returns None if it grants the viewer nothing."""

    async def access(self, viewer: Viewer, item: ItemId) -> Access | None: ...


class OwnItems:
    """Grant the owner every right."""

    def __init__(self, items: ItemService) -> None:
        self._items = items

    async def access(self, viewer: Viewer, item: ItemId) -> Access | None:
        """Return full rights, or None for another account's item and for visitors."""
        if not isinstance(viewer, Member):
            return None
        row = await self._items.get(viewer.account_id, item)
        return Access(row, Rights(edit=True, original=True), viewer) if row else None


async def find_access(grants: Sequence[Grants], viewer: Viewer, item: ItemId) -> Access | None:
    """Return the first access that one of the sources grants, or None."""
    for grant in grants:
        if access := await grant.access(viewer, item):
            return access
    return None
