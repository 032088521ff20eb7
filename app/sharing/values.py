"""What decides who may see a foreign item. Who asks is a `Viewer` (app/viewer.py)."""

from collections.abc import Mapping
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
    """`since_version`: the album's `items_version` when the member came."""

    role: Role
    since_version: int


@dataclass(frozen=True, slots=True)
class AlbumAccess:
    """An album that somebody is in, and as what."""

    album: AlbumRow
    role: Role


@dataclass(frozen=True, slots=True)
class Placement:
    """An item was put into an album. It grants something as long as there is the album, and its owner is in it.

    `original_allowed`: whether the album gave out originals when the item's owner put it there.
    """

    album_id: AlbumId
    owner_id: AccountId
    added_version: int
    original_allowed: bool

    def counts(self, membership_of_owner: Membership | None) -> bool:
        """Whether its owner has been in the album since before it came: who leaves takes everything along."""
        return membership_of_owner is not None and membership_of_owner.since_version < self.added_version


@dataclass(frozen=True, slots=True)
class Facts:
    """Albums and memberships as they stand; what is not there is missing."""

    albums: Mapping[AlbumId, AlbumRow]
    memberships: Mapping[tuple[AlbumId, AccountId], Membership]

    def counts(self, placement: Placement) -> bool:
        """Whether it grants anything: the album is there, and so is the item's owner."""
        owner = self.memberships.get((placement.album_id, placement.owner_id))
        return placement.album_id in self.albums and placement.counts(owner)
