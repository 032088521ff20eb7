"""The facts that decide access to other accounts' items; the caller is a `Viewer` (app/identity.py)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from darkroom_shared.albums import AlbumOrder, Role
from darkroom_shared.ids import AccountId, AlbumId, ItemId


@dataclass(frozen=True, slots=True)
class AlbumRow:
    """`version` counts the owner's edits, `items_version` the changes of the items and of their order."""

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
    """`since_version` is the album's `items_version` when the member joined."""

    role: Role
    since_version: int


@dataclass(frozen=True, slots=True)
class AlbumAccess:
    """An album with the role of the account that reads it."""

    album: AlbumRow
    role: Role


@dataclass(frozen=True, slots=True)
class Placement:
    """An item in an album. It grants access while the album exists and the item's owner is a member.

    `original_allowed`: whether the album allowed originals when the item's owner added it.
    """

    album_id: AlbumId
    owner_id: AccountId
    added_version: int
    original_allowed: bool

    def is_effective_for(self, membership_of_owner: Membership | None) -> bool:
        """Return whether the owner's membership is older than the placement; leaving ends all earlier placements."""
        return membership_of_owner is not None and membership_of_owner.since_version < self.added_version


@dataclass(frozen=True, slots=True)
class Facts:
    """Existing albums and memberships; absent ones are missing."""

    albums: Mapping[AlbumId, AlbumRow]
    memberships: Mapping[tuple[AlbumId, AccountId], Membership]

    def grants_access(self, placement: Placement) -> bool:
        """Return whether the placement grants access: the album exists and the item's owner is a member."""
        owner = self.memberships.get((placement.album_id, placement.owner_id))
        return placement.album_id in self.albums and placement.is_effective_for(owner)


@dataclass(frozen=True, slots=True)
class MemberRow:
    account_id: AccountId
    role: Role
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Placed:
    """An item in an album's page. `place` is its sort key in the album's order."""

    item_id: ItemId
    placement: Placement
    place: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """`more`: whether placements follow after the last one."""

    placed: tuple[Placed, ...]
    more: bool
