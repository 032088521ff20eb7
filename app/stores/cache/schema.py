"""What must be forgotten, and which Redis counts: the cache's own two tables."""

from sqlalchemy import JSON, BigInteger, Column, Integer, Table

from app.stores.aurora import UtcDateTime, identifier, metadata

REPLICATION_ID_CHARACTERS = 40
ULID_CHARACTERS = 26

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up in INTEGER keys only

cache_outbox = Table(
    "cache_outbox",
    metadata,
    # Never used again, as a number would be on SQLite: a slow relay would take the next row for the one it has applied.
    Column("id", identifier(ULID_CHARACTERS), primary_key=True),
    Column("keys", JSON, nullable=False),
)

cache_generation = Table(
    "cache_generation",
    metadata,
    Column("gen", _NUMBER, primary_key=True, autoincrement=True),
    Column("replid", identifier(REPLICATION_ID_CHARACTERS), nullable=False),
    Column("born", UtcDateTime, nullable=False),
)
