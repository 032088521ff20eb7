"""SQL statements that read the facts for access: albums, memberships and placements."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.tables import album_items, album_members, albums
from app.access.schema.values import AlbumRow, Membership, Placement
from darkroom_shared.albums import AlbumOrder, Role
from darkroom_shared.ids import AccountId, AlbumId, ItemId

ALBUM_COLUMNS = (
    albums.c.id,
    albums.c.owner_id,
    albums.c.title,
    albums.c.description,
    albums.c.cover_item_id,
    albums.c.item_order,
    albums.c.originals_allowed,
    albums.c.item_count,
    albums.c.version,
    albums.c.items_version,
    albums.c.created_at,
)

MembershipId = tuple[AlbumId, AccountId]


class AccessStore:
    """Each method is one statement on the caller's connection."""

    async def albums(self, connection: AsyncConnection, requested: Sequence[AlbumId]) -> dict[AlbumId, AlbumRow]:
        """Return the requested rows that exist."""
        rows = await connection.execute(select(*ALBUM_COLUMNS).where(albums.c.id.in_(requested)))
        return {row.id: row for row in (album_row(dict(each)) for each in rows.mappings())}

    async def memberships(
        self, connection: AsyncConnection, requested: Iterable[MembershipId]
    ) -> dict[MembershipId, Membership]:
        """Return the requested rows that exist."""
        columns = select(
            album_members.c.album_id, album_members.c.account_id, album_members.c.role, album_members.c.since_version
        )
        named = tuple_(album_members.c.album_id, album_members.c.account_id).in_(list(requested))
        rows = await connection.execute(columns.where(named))
        return {(album, account): Membership(Role(role), since) for album, account, role, since in rows}

    async def placements(
        self, connection: AsyncConnection, requested: Sequence[ItemId]
    ) -> dict[ItemId, tuple[Placement, ...]]:
        """Return the placements of every requested item; most items have none."""
        columns = select(
            album_items.c.item_id,
            album_items.c.album_id,
            album_items.c.owner_id,
            album_items.c.added_version,
            album_items.c.original_allowed,
        )
        placed: dict[ItemId, list[Placement]] = defaultdict(list)
        for item, *placement in await connection.execute(columns.where(album_items.c.item_id.in_(requested))):
            placed[item].append(Placement(*placement))
        return {item: tuple(placed[item]) for item in requested}


def album_row(row: Mapping[str, Any]) -> AlbumRow:
    return AlbumRow(**{**row, "item_order": AlbumOrder(row["item_order"])})
