"""The cache's two tables: keys to invalidate, and the generations of Redis."""

from sqlalchemy import JSON, BigInteger, Column, Integer, Table

from app.stores.aurora import UtcDateTime, identifier, metadata

REPLICATION_ID_CHARACTERS = 40
ULID_CHARACTERS = 26

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite increments INTEGER keys only

cache_outbox = Table(
    "cache_outbox",
    metadata,
    # Never reused, unlike a number on SQLite: a slow relay would mistake the next row for the one it has applied.
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
