"""Tables that decide access to other accounts' items: albums, their items and members; and the placements to delete."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from app.stores.aurora import UtcDateTime, exact_text, identifier, long_text, metadata

ID_CHARACTERS = 30
ROLE_CHARACTERS = 20
ORDER_CHARACTERS = 20
TITLE_CHARACTERS = 200
CAPTURED_KEY_CHARACTERS = 64

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite autoincrements INTEGER keys only

albums = Table(
    "albums",
    metadata,
    Column("id", identifier(ID_CHARACTERS), primary_key=True),
    Column("owner_id", identifier(ID_CHARACTERS), nullable=False),
    Column("title", exact_text(TITLE_CHARACTERS), nullable=False),
    Column("description", long_text(), nullable=False),
    Column("cover_item_id", identifier(ID_CHARACTERS), nullable=True),
    Column("item_order", identifier(ORDER_CHARACTERS), nullable=False, comment="captured or manual"),
    Column("originals_allowed", Boolean, nullable=False, comment="whether members may fetch originals"),
    Column("item_count", Integer, nullable=False),
    Column("version", Integer, nullable=False, comment="moved by edits, for If-Match"),
    Column("items_version", Integer, nullable=False, comment="moved whenever what its pages show changes"),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_albums_owner_id_id", "owner_id", "id"),
)

# No foreign key: it would delete an album's 100,000 rows in one statement. The placement purge deletes them in steps.
album_items = Table(
    "album_items",
    metadata,
    Column("album_id", identifier(ID_CHARACTERS), nullable=False),
    Column("item_id", identifier(ID_CHARACTERS), nullable=False),
    Column("owner_id", identifier(ID_CHARACTERS), nullable=False, comment="whose item it is"),
    Column("captured_key", identifier(CAPTURED_KEY_CHARACTERS), nullable=False, comment="captured_at#item_id"),
    Column("position", BigInteger, nullable=False, comment="in the order made by hand"),
    Column("added_at", UtcDateTime, nullable=False),
    Column("added_version", Integer, nullable=False, comment="the album's items_version that it came with"),
    Column("original_allowed", Boolean, nullable=False, comment="the album gave out originals when it came"),
    PrimaryKeyConstraint("album_id", "item_id", name="pk_album_items"),
    Index("ix_album_items_album_id_captured_key", "album_id", "captured_key"),
    Index("ix_album_items_album_id_position_item_id", "album_id", "position", "item_id"),
    Index("ix_album_items_album_id_owner_id", "album_id", "owner_id"),
    Index("ix_album_items_item_id", "item_id"),
    Index("ix_album_items_owner_id_item_id", "owner_id", "item_id"),
)

album_members = Table(
    "album_members",
    metadata,
    Column("album_id", identifier(ID_CHARACTERS), ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", identifier(ID_CHARACTERS), nullable=False),
    Column("role", identifier(ROLE_CHARACTERS), nullable=False),
    Column("joined_at", UtcDateTime, nullable=False),
    Column("since_version", Integer, nullable=False, comment="own items that were added later count"),
    PrimaryKeyConstraint("album_id", "account_id", name="pk_album_members"),
    Index("ix_album_members_account_id_album_id", "account_id", "album_id"),
)

placement_purges = Table(
    "album_clearings",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("album_id", identifier(ID_CHARACTERS), nullable=False),
    Column("owner_id", identifier(ID_CHARACTERS), nullable=True, comment="whose items; null: the album is gone"),
    Column("up_to_version", Integer, nullable=False, comment="later ones were added after coming back"),
    Index("ix_album_clearings_owner_id", "owner_id"),
)
