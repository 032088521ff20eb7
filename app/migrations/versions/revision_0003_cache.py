"""The outbox of cache invalidations, and the generations of the cache's Redis."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, identifier

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cache_outbox",
        sa.Column("id", identifier(26), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cache_outbox"),
    )
    op.create_table(
        "cache_generation",
        sa.Column("gen", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("replid", identifier(40), nullable=False),
        sa.Column("born", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("gen", name="pk_cache_generation"),
    )


def downgrade() -> None:
    op.drop_table("cache_generation")
    op.drop_table("cache_outbox")
