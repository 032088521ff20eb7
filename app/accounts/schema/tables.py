"""Tables of accounts, sessions, closed accounts, and the link for the first administrator."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, SmallInteger, Table

from app.stores.aurora import UtcDateTime, exact_text, identifier, metadata

ID_CHARACTERS = 30
TOKEN_HASH_CHARACTERS = 64
PASSWORD_HASH_CHARACTERS = 255
ADDRESS_CHARACTERS = 320
LABEL_CHARACTERS = 200
NAME_CHARACTERS = 100

accounts = Table(
    "accounts",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("email", exact_text(ADDRESS_CHARACTERS), nullable=False, unique=True, comment="normalised"),
    Column("password_hash", identifier(PASSWORD_HASH_CHARACTERS), nullable=False),
    Column("administrator", Boolean, nullable=False),
    Column("first", SmallInteger, nullable=True, unique=True, comment="1 for the first account, else null"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("name", exact_text(NAME_CHARACTERS), nullable=True, comment="null: the address's local part"),
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
    # Also serves the list of an account's sessions, newest first: ids sort by creation.
    Index("ix_sessions_account_id_id", "account_id", "id"),
)

closed_accounts = Table(
    "closed_accounts",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("closed_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False, comment="when an eraser takes the next round"),
    Column("uploads_end", UtcDateTime, nullable=True, comment="null until it has been counted"),
    Column("emptied_at", UtcDateTime, nullable=True, comment="end of the first round"),
    Column("erased_at", UtcDateTime, nullable=True, comment="end of the second"),
    Column("items", BigInteger, nullable=True),
    Column("bytes", BigInteger, nullable=True),
    Column("events", BigInteger, nullable=True),
    Index("ix_closed_accounts_erased_at_next_at", "erased_at", "next_at"),
)

administrator_links = Table(
    "administrator_links",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    Column("token_hash", identifier(TOKEN_HASH_CHARACTERS), nullable=False, comment="SHA-256, hex"),
    Column("expires_at", UtcDateTime, nullable=False),
)
