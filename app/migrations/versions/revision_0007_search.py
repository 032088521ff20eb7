"""The search index."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import exact_text, identifier

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "item_index",
        sa.Column("item_id", identifier(30), nullable=False),
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column("kind", identifier(20), nullable=True),
        sa.Column("captured_key", identifier(64), nullable=False, comment="captured_at#item_id"),
        sa.PrimaryKeyConstraint("item_id", name="pk_item_index"),
    )
    op.create_index("ix_item_index_account_id_captured_key", "item_index", ["account_id", "captured_key"])
    op.create_table(
        "item_words",
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column("word", exact_text(64), nullable=False, comment="lower case, without accents"),
        sa.Column("item_id", identifier(30), nullable=False),
        sa.Column("captured_key", identifier(64), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "word", "item_id", name="pk_item_words"),
        sa.ForeignKeyConstraint(["item_id"], ["item_index.item_id"], name="fk_item_words_item_id", ondelete="CASCADE"),
    )
    op.create_index("ix_item_words_account_id_word_captured_key", "item_words", ["account_id", "word", "captured_key"])
    op.create_index("ix_item_words_item_id", "item_words", ["item_id"])


def downgrade() -> None:
    op.drop_table("item_words")
    op.drop_table("item_index")
