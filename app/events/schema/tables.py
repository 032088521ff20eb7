"""Tables of the event outbox, the projections' cursors and the completed relational requests."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, SmallInteger, Table

from app.stores.aurora import UtcDateTime, identifier, metadata

ID_CHARACTERS = 30
TYPE_CHARACTERS = 40
DEDUPE_CHARACTERS = 160
FOLLOWER_CHARACTERS = 40
KEY_CHARACTERS = 255
FINGERPRINT_CHARACTERS = 64

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite autoincrements INTEGER keys only

event_outbox = Table(
    "event_outbox",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("account_id", identifier(ID_CHARACTERS), nullable=False, comment="whose log is to tell it"),
    Column("dedupe_key", identifier(DEDUPE_CHARACTERS), nullable=False, comment="told once, however often it is read"),
    Column("type", identifier(TYPE_CHARACTERS), nullable=False),
    Column("subject", identifier(ID_CHARACTERS), nullable=False),
    Column("data", JSON, nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    Index("ix_event_outbox_account_id_dedupe_key", "account_id", "dedupe_key", unique=True),
    Index("ix_event_outbox_account_id_id", "account_id", "id"),
    sqlite_autoincrement=True,  # else SQLite reuses a deleted row's id, and a late delete hits the wrong row
)

cursors = Table(
    "cursors",
    metadata,
    Column("follower", identifier(FOLLOWER_CHARACTERS), nullable=False),
    Column("account_id", identifier(ID_CHARACTERS), nullable=False),
    Column(
        "applied", BigInteger, nullable=True, comment="the last event applied; absent until all rows were read once"
    ),
    Column("wanted", BigInteger, nullable=False),
    Column("behind", Boolean, nullable=False, comment="applied < wanted, to be found by an index"),
    Column("revision", BigInteger, nullable=False, comment="moved by every write of the follower's"),
    Column("filling_until", UtcDateTime, nullable=True, comment="while somebody reads all rows, nobody else begins"),
    PrimaryKeyConstraint("follower", "account_id", name="pk_cursors"),
    Index("ix_cursors_follower_behind_account_id", "follower", "behind", "account_id"),
    Index("ix_cursors_account_id", "account_id"),
)

requests = Table(
    "requests",
    metadata,
    Column("account_id", identifier(ID_CHARACTERS), nullable=False),
    Column("request_key", identifier(KEY_CHARACTERS), nullable=False),
    Column("fingerprint", identifier(FINGERPRINT_CHARACTERS), nullable=False),
    Column("resource_id", identifier(ID_CHARACTERS), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("account_id", "request_key", name="pk_requests"),
    Index("ix_requests_expires_at", "expires_at"),
)
