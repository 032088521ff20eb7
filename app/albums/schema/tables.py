"""Tables of invitations and transfer offers."""

from sqlalchemy import Column, ForeignKey, Index, Table

from app.stores.aurora import UtcDateTime, exact_text, identifier, metadata

ID_CHARACTERS = 30
ROLE_CHARACTERS = 20
LABEL_CHARACTERS = 320
TOKEN_HASH_CHARACTERS = 64

invitations = Table(
    "invitations",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("album_id", identifier(ID_CHARACTERS), ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", identifier(TOKEN_HASH_CHARACTERS), nullable=False, unique=True, comment="SHA-256, hex"),
    Column("role", identifier(ROLE_CHARACTERS), nullable=False),
    Column("label", exact_text(LABEL_CHARACTERS), nullable=False, comment="for whom; grants nothing"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("accepted_by", identifier(ID_CHARACTERS), nullable=True, comment="null until somebody used it"),
    Index("ix_invitations_album_id_id", "album_id", "id"),
    Index("ix_invitations_accepted_by", "accepted_by"),
    Index("ix_invitations_expires_at", "expires_at"),
)

album_transfers = Table(
    "album_transfers",
    metadata,
    Column("album_id", identifier(ID_CHARACTERS), ForeignKey("albums.id", ondelete="CASCADE"), primary_key=True),
    Column("id", identifier(ID_CHARACTERS), nullable=False, comment="of this offer; names its events"),
    Column("from_account_id", identifier(ID_CHARACTERS), nullable=False, comment="void once this is not the owner"),
    Column("to_account_id", identifier(ID_CHARACTERS), nullable=False),
    Column("offered_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_album_transfers_to_account_id", "to_account_id"),
)
