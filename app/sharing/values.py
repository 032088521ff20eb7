"""What decides who may see a foreign item. Who asks is a `Viewer` (app/viewer.py)."""

from dataclasses import dataclass
from datetime import datetime

from shared.albums import AlbumOrder, Role
from shared.ids import AccountId, AlbumId, ItemId


@dataclass(frozen=True, slots=True)
class AlbumRow:
    """`version` counts what its owner edits, `items_version` every change of what lies in it and of its order."""

    id: AlbumId
    owner_id: AccountId
    title: str
    description: str
    cover_item_id: ItemId | None
    item_order: AlbumOrder
    originals_allowed: bool
    item_count: int
    version: int
    items_version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    role: Role


@dataclass(frozen=True, slots=True)
class Placement:
    """An item lies in an album. The album may be gone by now, and with it what it granted: ask for it too.

    `original_allowed`: whether the item's owner lets this album give out the original, where the album does.
    """

    album_id: AlbumId
    owner_id: AccountId
    original_allowed: bool
