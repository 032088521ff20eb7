"""The event outbox, the cursors of projections, and completed requests."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, identifier

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "event_outbox",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("account_id", identifier(30), nullable=False, comment="whose log is to tell it"),
        sa.Column("dedupe_key", identifier(160), nullable=False, comment="told once, however often it is read"),
        sa.Column("type", identifier(40), nullable=False),
        sa.Column("subject", identifier(30), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_outbox_account_id_dedupe_key", "event_outbox", ["account_id", "dedupe_key"], unique=True)
    op.create_index("ix_event_outbox_account_id_id", "event_outbox", ["account_id", "id"])
    op.create_table(
        "cursors",
        sa.Column("follower", identifier(40), nullable=False),
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column(
            "applied",
            sa.BigInteger(),
            nullable=True,
            comment="the last event applied; absent until all rows were read once",
        ),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("behind", sa.Boolean(), nullable=False, comment="applied < wanted, to be found by an index"),
        sa.Column("revision", sa.BigInteger(), nullable=False, comment="moved by every write of the follower's"),
        sa.PrimaryKeyConstraint("follower", "account_id", name="pk_cursors"),
    )
    op.create_index("ix_cursors_follower_behind_account_id", "cursors", ["follower", "behind", "account_id"])
    op.create_index("ix_cursors_account_id", "cursors", ["account_id"])
    op.create_table(
        "requests",
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column("request_key", identifier(255), nullable=False),
        sa.Column("fingerprint", identifier(64), nullable=False),
        sa.Column("resource_id", identifier(30), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "request_key", name="pk_requests"),
    )
    op.create_index("ix_requests_expires_at", "requests", ["expires_at"])


def downgrade() -> None:
    op.drop_table("requests")
    op.drop_table("cursors")
    op.drop_table("event_outbox")
