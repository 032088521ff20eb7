"""The tables of accounts and their sessions."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, SmallInteger, Table

from app.stores.aurora import UtcDateTime, exact_text, identifier, metadata

ID_CHARACTERS = 30
TOKEN_HASH_CHARACTERS = 64
PASSWORD_HASH_CHARACTERS = 255
ADDRESS_CHARACTERS = 320
LABEL_CHARACTERS = 200

accounts = Table(
    "accounts",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("email", exact_text(ADDRESS_CHARACTERS), nullable=False, unique=True, comment="normalised"),
    Column("password_hash", identifier(PASSWORD_HASH_CHARACTERS), nullable=False),
    Column("administrator", Boolean, nullable=False),
    Column("first", SmallInteger, nullable=True, unique=True, comment="1 for the first account, else null"),
    Column("created_at", UtcDateTime, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("account_id", identifier(ID_CHARACTERS), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", identifier(TOKEN_HASH_CHARACTERS), nullable=False, unique=True, comment="SHA-256, hex"),
    Column("label", exact_text(LABEL_CHARACTERS), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    # Also the pages of an account's sessions, newest first: ids sort by creation.
    Index("ix_sessions_account_id_id", "account_id", "id"),
)
