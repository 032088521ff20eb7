"""Values that the modules of this package exchange."""

from dataclasses import dataclass
from datetime import datetime

from app.access.schema.values import Placement
from darkroom_shared.albums import AlbumTransfer, Invitation, Role
from darkroom_shared.ids import AccountId, AlbumId, InvitationId, ItemId


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
    placed: tuple[Placed, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class TransferRow:
    """An offer to transfer an album, which its receiver has not accepted yet."""

    album_id: AlbumId
    id: str
    from_account_id: AccountId
    to_account_id: AccountId
    offered_at: datetime
    expires_at: datetime

    def to_wire(self) -> AlbumTransfer:
        return AlbumTransfer(
            album_id=self.album_id,
            from_account_id=self.from_account_id,
            to_account_id=self.to_account_id,
            offered_at=self.offered_at,
            expires_at=self.expires_at,
        )


@dataclass(frozen=True, slots=True)
class InvitationRow:
    id: InvitationId
    album_id: AlbumId
    role: Role
    label: str
    created_at: datetime
    expires_at: datetime
    accepted_by: AccountId | None = None

    def to_wire(self) -> Invitation:
        return Invitation(
            id=self.id, role=self.role, label=self.label, created_at=self.created_at, expires_at=self.expires_at
        )
