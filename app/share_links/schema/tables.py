"""The table of share links."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table

from app.stores.aurora import UtcDateTime, exact_text, identifier, metadata

ID_CHARACTERS = 30
TOKEN_HASH_CHARACTERS = 64
PASSWORD_HASH_CHARACTERS = 255
LABEL_CHARACTERS = 200

share_links = Table(
    "share_links",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("album_id", identifier(ID_CHARACTERS), ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", identifier(TOKEN_HASH_CHARACTERS), nullable=False, unique=True, comment="SHA-256, hex"),
    Column("password_hash", identifier(PASSWORD_HASH_CHARACTERS), nullable=True),
    Column("label", exact_text(LABEL_CHARACTERS), nullable=False),
    Column("download_allowed", Boolean, nullable=False),
    Column("version", Integer, nullable=False, comment="moved by edits, for If-Match"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=True),
    Index("ix_share_links_album_id_id", "album_id", "id"),
)
