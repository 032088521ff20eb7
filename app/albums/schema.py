"""The tables of albums, of invitations into them, and of what is said about items."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text

from app.stores.aurora import UtcDateTime, exact_text, identifier, metadata

ID_CHARACTERS = 30
ORDER_CHARACTERS = 20
ROLE_CHARACTERS = 20
TITLE_CHARACTERS = 200
LABEL_CHARACTERS = 320
TOKEN_HASH_CHARACTERS = 64

albums = Table(
    "albums",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("owner_id", identifier(ID_CHARACTERS), nullable=False),
    Column("title", exact_text(TITLE_CHARACTERS), nullable=False),
    Column("description", Text, nullable=False),
    Column("cover_item_id", identifier(ID_CHARACTERS), nullable=True),
    Column("item_order", identifier(ORDER_CHARACTERS), nullable=False, comment="captured or manual"),
    Column("originals_allowed", Boolean, nullable=False, comment="whether members may fetch originals"),
    Column("item_count", Integer, nullable=False),
    Column("version", Integer, nullable=False, comment="moved by edits, for If-Match"),
    Column("items_version", Integer, nullable=False, comment="moved whenever what its pages show changes"),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_albums_owner_id_id", "owner_id", "id"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("album_id", identifier(ID_CHARACTERS), ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", identifier(TOKEN_HASH_CHARACTERS), nullable=False, unique=True, comment="SHA-256, hex"),
    Column("role", identifier(ROLE_CHARACTERS), nullable=False),
    Column("label", exact_text(LABEL_CHARACTERS), nullable=False, comment="for whom; grants nothing"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_invitations_album_id_id", "album_id", "id"),
)

comments = Table(
    "comments",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("item_id", identifier(ID_CHARACTERS), nullable=False),
    Column("owner_id", identifier(ID_CHARACTERS), nullable=False, comment="whose item it is about"),
    Column("author_id", identifier(ID_CHARACTERS), nullable=False),
    Column("text", Text, nullable=False),
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
