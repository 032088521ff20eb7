"""Tables of comments and unread marks."""

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from app.stores.aurora import UtcDateTime, identifier, long_text, metadata

ID_CHARACTERS = 30

comments = Table(
    "comments",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("item_id", identifier(ID_CHARACTERS), nullable=False),
    Column("owner_id", identifier(ID_CHARACTERS), nullable=False, comment="whose item it is about"),
    Column("author_id", identifier(ID_CHARACTERS), nullable=False),
    Column("text", long_text(), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("edited_at", UtcDateTime, nullable=True),
    Index("ix_comments_item_id_id", "item_id", "id"),
    Index("ix_comments_owner_id_id", "owner_id", "id"),
    Index("ix_comments_author_id_id", "author_id", "id"),
)

unread_comments = Table(
    "unread_comments",
    metadata,
    Column("account_id", identifier(ID_CHARACTERS), nullable=False),
    Column("comment_id", identifier(ID_CHARACTERS), ForeignKey("comments.id", ondelete="CASCADE"), nullable=False),
    Column("item_id", identifier(ID_CHARACTERS), nullable=False),
    PrimaryKeyConstraint("account_id", "comment_id", name="pk_unread_comments"),
    Index("ix_unread_comments_account_id_item_id", "account_id", "item_id"),
    Index("ix_unread_comments_comment_id", "comment_id"),
)
