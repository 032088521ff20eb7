"""Tombstones of closed accounts and the progress of their erasure."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, identifier

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "closed_accounts",
        sa.Column("id", identifier(30), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False, comment="when an eraser takes the next round"),
        sa.Column("uploads_end", UtcDateTime(), nullable=True, comment="null until it has been counted"),
        sa.Column("emptied_at", UtcDateTime(), nullable=True, comment="end of the first round"),
        sa.Column("erased_at", UtcDateTime(), nullable=True, comment="end of the second"),
        sa.Column("items", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("events", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_closed_accounts"),
    )
    op.create_index("ix_closed_accounts_erased_at_next_at", "closed_accounts", ["erased_at", "next_at"])


def downgrade() -> None:
    op.drop_table("closed_accounts")
