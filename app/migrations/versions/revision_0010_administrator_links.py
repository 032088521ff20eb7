"""The one-time link for the first administrator."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, identifier

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "administrator_links",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column("token_hash", identifier(64), nullable=False, comment="SHA-256, hex"),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_administrator_links"),
    )


def downgrade() -> None:
    op.drop_table("administrator_links")
