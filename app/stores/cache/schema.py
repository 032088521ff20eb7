"""What must be forgotten, and which Redis counts: the cache's own two tables."""

from sqlalchemy import JSON, BigInteger, Column, Integer, Table

from app.stores.aurora import UtcDateTime, identifier, metadata

REPLICATION_ID_CHARACTERS = 40

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up in INTEGER keys only

cache_outbox = Table(
    "cache_outbox",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("keys", JSON, nullable=False),
)

cache_generation = Table(
    "cache_generation",
    metadata,
    Column("gen", _NUMBER, primary_key=True, autoincrement=True),
    Column("replid", identifier(REPLICATION_ID_CHARACTERS), nullable=False),
    Column("born", UtcDateTime, nullable=False),
)
