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
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column("item_id", identifier(30), nullable=False),
        sa.Column("captured_key", identifier(64), nullable=False, comment="captured_at#item_id"),
        sa.PrimaryKeyConstraint("account_id", "item_id", name="pk_item_index"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_item_index_account_id_captured_key", "item_index", ["account_id", "captured_key"])
    op.create_table(
        "item_words",
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column("word", exact_text(64), nullable=False, comment="lower case, without accents"),
        sa.Column("captured_key", identifier(64), nullable=False, comment="that of the item's index row"),
        sa.Column("item_id", identifier(30), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "word", "captured_key", name="pk_item_words"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_item_words_account_id_captured_key_word", "item_words", ["account_id", "captured_key", "word"])


def downgrade() -> None:
    op.drop_table("item_words")
    op.drop_table("item_index")
