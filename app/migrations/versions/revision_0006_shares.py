"""Share links of albums, and comments on items."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, exact_text, identifier, long_text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "share_links",
        sa.Column("id", identifier(30), nullable=False),
        sa.Column("album_id", identifier(30), nullable=False),
        sa.Column("token_hash", identifier(64), nullable=False, comment="SHA-256, hex"),
        sa.Column("password_hash", identifier(255), nullable=True),
        sa.Column("label", exact_text(200), nullable=False),
        sa.Column("download_allowed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="moved by edits, for If-Match"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_share_links"),
        sa.ForeignKeyConstraint(["album_id"], ["albums.id"], name="fk_share_links_album_id", ondelete="CASCADE"),
        sa.UniqueConstraint("token_hash", name="uq_share_links_token_hash"),
    )
    op.create_index("ix_share_links_album_id_id", "share_links", ["album_id", "id"])
    op.create_table(
        "comments",
        sa.Column("id", identifier(30), nullable=False),
        sa.Column("item_id", identifier(30), nullable=False),
        sa.Column("owner_id", identifier(30), nullable=False, comment="whose item it is about"),
        sa.Column("author_id", identifier(30), nullable=False),
        sa.Column("text", long_text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("edited_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
    )
    op.create_index("ix_comments_author_id_id", "comments", ["author_id", "id"])
    op.create_index("ix_comments_item_id_id", "comments", ["item_id", "id"])
    op.create_index("ix_comments_owner_id_id", "comments", ["owner_id", "id"])
    op.create_table(
        "unread_comments",
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column("comment_id", identifier(30), nullable=False),
        sa.Column("item_id", identifier(30), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "comment_id", name="pk_unread_comments"),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name="fk_unread_comments_comment_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_unread_comments_account_id_item_id", "unread_comments", ["account_id", "item_id"])
    op.create_index("ix_unread_comments_comment_id", "unread_comments", ["comment_id"])


def downgrade() -> None:
    op.drop_table("unread_comments")
    op.drop_table("comments")
    op.drop_table("share_links")
