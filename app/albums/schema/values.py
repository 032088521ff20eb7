"""Invitations and transfer offers."""

from dataclasses import dataclass
from datetime import datetime

from darkroom_shared.albums import AlbumTransfer, Invitation, Role
from darkroom_shared.ids import AccountId, AlbumId, InvitationId


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
