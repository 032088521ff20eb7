"""Offers to transfer an album to another account, and the end of access that earlier transfers left open.

Before this revision a transfer took effect immediately and left the previous owner's `originals_allowed`, share links
and open invitations in force. For an album whose owner did not create it, this step ends them, as accepting an offer
does now. An album that returned to its creator looks like one that was never transferred, and keeps them.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, identifier
from darkroom_shared.ids import new_ulid
from darkroom_shared.times import to_rfc3339, utc_now

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_albums = sa.table(
    "albums",
    *(sa.column(name) for name in ("id", "owner_id", "title", "description", "cover_item_id", "item_order")),
    sa.column("originals_allowed", sa.Boolean()),
    sa.column("item_count"),
    sa.column("version", sa.Integer()),
    sa.column("created_at", UtcDateTime()),
)
_members = sa.table(
    "album_members", sa.column("album_id"), sa.column("account_id"), sa.column("joined_at", UtcDateTime())
)
_links = sa.table(
    "share_links",
    *(sa.column(name) for name in ("id", "album_id", "token_hash", "password_hash", "label", "version")),
    sa.column("download_allowed", sa.Boolean()),
    sa.column("created_at", UtcDateTime()),
    sa.column("expires_at", UtcDateTime()),
)
_invitations = sa.table("invitations", sa.column("album_id"), sa.column("accepted_by"))
_cache_outbox = sa.table("cache_outbox", sa.column("id"), sa.column("keys", sa.JSON()))
_event_outbox = sa.table(
    "event_outbox",
    *(sa.column(name) for name in ("account_id", "dedupe_key", "type", "subject")),
    sa.column("data", sa.JSON()),
    sa.column("written_at", UtcDateTime()),
)


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
    if not op.get_context().as_sql:  # what follows depends on the rows
        _end_access_of_transferred_albums(op.get_bind())


def downgrade() -> None:
    op.drop_table("album_transfers")


def _end_access_of_transferred_albums(connection: sa.Connection) -> None:
    """Only the creator joined at the moment of creation (both are one value), and a transfer changed roles only."""
    is_owner = (_members.c.album_id == _albums.c.id) & (_members.c.account_id == _albums.c.owner_id)
    statement = sa.select(_albums).join(_members, is_owner).where(_members.c.joined_at != _albums.c.created_at)
    for album in connection.execute(statement.with_for_update()).mappings().all():
        _end_access(connection, album)


def _end_access(connection: sa.Connection, album: sa.RowMapping) -> None:
    is_of_album = _links.c.album_id == album["id"]
    links = connection.execute(sa.select(_links).where(is_of_album)).mappings().all()
    connection.execute(sa.delete(_links).where(is_of_album))
    connection.execute(
        sa.delete(_invitations).where(_invitations.c.album_id == album["id"], _invitations.c.accepted_by.is_(None))
    )
    version = album["version"] + 1
    connection.execute(
        sa.update(_albums).where(_albums.c.id == album["id"]).values(originals_allowed=False, version=version)
    )
    _invalidate(connection, album, links)
    _publish(connection, album, version, links)


def _invalidate(connection: sa.Connection, album: sa.RowMapping, links: Any) -> None:
    """Leave the cached values' keys to the relays: in a rolling upgrade the cache holds them, for up to 5 minutes."""
    keys = [f"album:1:{album['id']}"]
    for link in links:
        keys += [f"share:1:token:{link['token_hash']}", f"share:1:id:{link['id']}"]
    connection.execute(sa.insert(_cache_outbox).values({"id": new_ulid(), "keys": keys}))


def _publish(connection: sa.Connection, album: sa.RowMapping, version: int, links: Any) -> None:
    """Write the events of an edited album to its members, and of each revoked link to the owner."""
    members = connection.scalars(sa.select(_members.c.account_id).where(_members.c.album_id == album["id"])).all()
    edited = {"type": "album.updated", "subject": album["id"], "data": _album_data(album, version)}
    rows = [{**edited, "account_id": member, "dedupe_key": f"{album['id']}:version:{version}"} for member in members]
    for link in links:
        revoked = {"type": "share.revoked", "subject": link["id"], "data": _link_data(link)}
        rows.append({**revoked, "account_id": album["owner_id"], "dedupe_key": f"share.revoked:{link['id']}"})
    now = utc_now()
    connection.execute(sa.insert(_event_outbox), [{**row, "written_at": now} for row in rows])


def _album_data(album: sa.RowMapping, version: int) -> dict[str, Any]:
    same = ("id", "title", "description", "cover_item_id", "item_count", "owner_id")
    return {name: album[name] for name in same} | {
        "order": album["item_order"],
        "originals_allowed": False,
        "version": version,
        "created_at": to_rfc3339(album["created_at"]),
    }


def _link_data(link: sa.RowMapping) -> dict[str, Any]:
    return {name: link[name] for name in ("id", "album_id", "label", "download_allowed", "version")} | {
        "created_at": to_rfc3339(link["created_at"]),
        "expires_at": to_rfc3339(link["expires_at"]) if link["expires_at"] else None,
        "password_needed": link["password_hash"] is not None,
    }
