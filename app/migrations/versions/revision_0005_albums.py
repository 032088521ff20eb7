"""Albums, their items, members and invitations; display names of accounts."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, exact_text, identifier, long_text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("accounts") as accounts:
        accounts.add_column(sa.Column("name", exact_text(100), nullable=True, comment="null: the address's local part"))
    op.create_table(
        "albums",
        sa.Column("id", identifier(30), nullable=False),
        sa.Column("owner_id", identifier(30), nullable=False),
        sa.Column("title", exact_text(200), nullable=False),
        sa.Column("description", long_text(), nullable=False),
        sa.Column("cover_item_id", identifier(30), nullable=True),
        sa.Column("item_order", identifier(20), nullable=False, comment="captured or manual"),
        sa.Column("originals_allowed", sa.Boolean(), nullable=False, comment="whether members may fetch originals"),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="moved by edits, for If-Match"),
        sa.Column("items_version", sa.Integer(), nullable=False, comment="moved whenever what its pages show changes"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_albums"),
    )
    op.create_index("ix_albums_owner_id_id", "albums", ["owner_id", "id"])
    op.create_table(
        "album_items",
        sa.Column("album_id", identifier(30), nullable=False),
        sa.Column("item_id", identifier(30), nullable=False),
        sa.Column("owner_id", identifier(30), nullable=False, comment="whose item it is"),
        sa.Column("captured_key", identifier(64), nullable=False, comment="captured_at#item_id"),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="in the order made by hand"),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("added_version", sa.Integer(), nullable=False, comment="the album's items_version that it came with"),
        sa.Column(
            "original_allowed", sa.Boolean(), nullable=False, comment="the album gave out originals when it came"
        ),
        sa.PrimaryKeyConstraint("album_id", "item_id", name="pk_album_items"),
    )
    op.create_index("ix_album_items_album_id_captured_key", "album_items", ["album_id", "captured_key"])
    op.create_index("ix_album_items_album_id_position_item_id", "album_items", ["album_id", "position", "item_id"])
    op.create_index("ix_album_items_album_id_owner_id", "album_items", ["album_id", "owner_id"])
    op.create_index("ix_album_items_item_id", "album_items", ["item_id"])
    op.create_index("ix_album_items_owner_id_item_id", "album_items", ["owner_id", "item_id"])
    op.create_table(
        "album_members",
        sa.Column("album_id", identifier(30), nullable=False),
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column("role", identifier(20), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        sa.Column("since_version", sa.Integer(), nullable=False, comment="own items that were added later count"),
        sa.PrimaryKeyConstraint("album_id", "account_id", name="pk_album_members"),
        sa.ForeignKeyConstraint(["album_id"], ["albums.id"], name="fk_album_members_album_id", ondelete="CASCADE"),
    )
    op.create_index("ix_album_members_account_id_album_id", "album_members", ["account_id", "album_id"])
    op.create_table(
        "invitations",
        sa.Column("id", identifier(30), nullable=False),
        sa.Column("album_id", identifier(30), nullable=False),
        sa.Column("token_hash", identifier(64), nullable=False, comment="SHA-256, hex"),
        sa.Column("role", identifier(20), nullable=False),
        sa.Column("label", exact_text(320), nullable=False, comment="for whom; grants nothing"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("accepted_by", identifier(30), nullable=True, comment="null until somebody used it"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.ForeignKeyConstraint(["album_id"], ["albums.id"], name="fk_invitations_album_id", ondelete="CASCADE"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
    )
    op.create_index("ix_invitations_album_id_id", "invitations", ["album_id", "id"])
    op.create_index("ix_invitations_accepted_by", "invitations", ["accepted_by"])
    op.create_index("ix_invitations_expires_at", "invitations", ["expires_at"])
    op.create_table(
        "album_clearings",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("album_id", identifier(30), nullable=False),
        sa.Column("owner_id", identifier(30), nullable=True, comment="whose items; null: the album is gone"),
        sa.Column("up_to_version", sa.Integer(), nullable=False, comment="later ones were added after coming back"),
        sa.PrimaryKeyConstraint("id", name="pk_album_clearings"),
    )
    op.create_index("ix_album_clearings_owner_id", "album_clearings", ["owner_id"])


def downgrade() -> None:
    op.drop_table("album_clearings")
    op.drop_table("invitations")
    op.drop_table("album_members")
    op.drop_table("album_items")
    op.drop_table("albums")
    with op.batch_alter_table("accounts") as accounts:
        accounts.drop_column("name")
