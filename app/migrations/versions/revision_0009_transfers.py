"""Offers to transfer an album to another account."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, identifier

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "album_transfers",
        sa.Column("album_id", identifier(30), nullable=False),
        sa.Column("id", identifier(30), nullable=False, comment="of this offer; names its events"),
        sa.Column("from_account_id", identifier(30), nullable=False, comment="void once this is not the owner"),
        sa.Column("to_account_id", identifier(30), nullable=False),
        sa.Column("offered_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("album_id", name="pk_album_transfers"),
        sa.ForeignKeyConstraint(["album_id"], ["albums.id"], name="fk_album_transfers_album_id", ondelete="CASCADE"),
    )
    op.create_index("ix_album_transfers_to_account_id", "album_transfers", ["to_account_id"])


def downgrade() -> None:
    op.drop_table("album_transfers")
