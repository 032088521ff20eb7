"""SQL statements for placements; a placement counts only while the item's owner is a member of the album."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema import positions
from app.access.schema.tables import album_items, album_members, albums
from app.access.schema.values import Placed, PlacedPage, Placement
from app.items.schema.row import ItemRow, captured_key
from darkroom_shared.albums import AlbumOrder
from darkroom_shared.ids import AccountId, AlbumId, ItemId

_OWNER_IS_IN = and_(
    album_members.c.album_id == album_items.c.album_id,
    album_members.c.account_id == album_items.c.owner_id,
    album_members.c.since_version < album_items.c.added_version,
)
_PLACED = (
    album_items.c.item_id,
    album_items.c.album_id,
    album_items.c.owner_id,
    album_items.c.added_version,
    album_items.c.original_allowed,
    album_items.c.captured_key,
    album_items.c.position,
    album_items.c.added_at,
)


class PlacementStore:
    """Each method is one step of the caller's transaction."""

    async def add(self, connection: AsyncConnection, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert the placements. Raises Conflict at the end of the transaction if an item is already in the album."""
        await connection.execute(insert(album_items), list(rows))

    async def present(
        self, connection: AsyncConnection, album: AlbumId, items: Iterable[ItemId]
    ) -> dict[ItemId, AccountId]:
        """Return those of the items that are in the album, with their owners."""
        statement = _select_effective(album_items.c.item_id, album_items.c.owner_id).where(_named(album, items))
        return {ItemId(item): AccountId(owner) for item, owner in await connection.execute(statement)}

    async def is_placed_in(self, connection: AsyncConnection, album: AlbumId, item: ItemId) -> bool:
        """Return whether the placement exists and still grants access."""
        return item in await self.present(connection, album, [item])

    async def remove(self, connection: AsyncConnection, album: AlbumId, items: Iterable[ItemId]) -> None:
        """Delete the placements; absent ones are ignored. The caller then updates the album's count, version and
        cover."""
        await connection.execute(delete(album_items).where(_named(album, items)))

    async def allow_originals(self, connection: AsyncConnection, album: AlbumId, items: Iterable[ItemId]) -> int:
        """Allow the originals of these placements. Returns the number of those that did not allow them before."""
        change = update(album_items).where(_named(album, items), album_items.c.original_allowed.is_(False))
        return (await connection.execute(change.values(original_allowed=True))).rowcount

    async def count_of(self, connection: AsyncConnection, album: AlbumId, owner: AccountId) -> int:
        """Return the number of this member's items in the album."""
        is_selected = and_(album_items.c.album_id == album, album_items.c.owner_id == owner)
        return await connection.scalar(_select_effective(func.count()).where(is_selected)) or 0

    async def last_position(self, connection: AsyncConnection, album: AlbumId) -> int | None:
        """Return the highest position in manual order, or None if the album has no items."""
        statement = select(func.max(album_items.c.position)).where(album_items.c.album_id == album)
        last: int | None = await connection.scalar(statement)
        return last

    async def first(self, connection: AsyncConnection, album: AlbumId) -> ItemId | None:
        """Return the item with the earliest capture time."""
        statement = _select_effective(album_items.c.item_id).where(album_items.c.album_id == album)
        first: ItemId | None = await connection.scalar(statement.order_by(album_items.c.captured_key).limit(1))
        return first

    async def page(
        self, connection: AsyncConnection, album: AlbumId, order: AlbumOrder, after: tuple[str, str] | None, limit: int
    ) -> PlacedPage:
        """Return the placements that follow `after` (place and item) in the album's order."""
        statement = _select_effective(*_PLACED).where(album_items.c.album_id == album).limit(limit + 1)
        if order is AlbumOrder.CAPTURED:
            statement = statement.order_by(album_items.c.captured_key)
        else:
            statement = statement.order_by(album_items.c.position, album_items.c.item_id)
        if after is not None:
            statement = statement.where(_is_after(order, *after))
        rows = [_placed(row, order) for row in await connection.execute(statement)]
        return PlacedPage(tuple(rows[:limit]), len(rows) > limit)

    async def items_version(self, connection: AsyncConnection, album: AlbumId) -> int | None:
        """Return the version that this connection sees; a reader may be behind the writer."""
        return await connection.scalar(select(albums.c.items_version).where(albums.c.id == album))

    async def albums_of(self, connection: AsyncConnection, items: Sequence[ItemId]) -> list[AlbumId]:
        """Return the albums with a placement of any of the items, whether it counts or not."""
        statement = select(album_items.c.album_id).where(album_items.c.item_id.in_(items)).distinct()
        return sorted(AlbumId(album) for album in await connection.scalars(statement))

    async def placed_anywhere(self, connection: AsyncConnection, items: Sequence[ItemId]) -> list[ItemId]:
        """Return those of the items that are in any album, whether the placement still grants access or not."""
        statement = select(album_items.c.item_id).where(album_items.c.item_id.in_(items)).distinct()
        return [ItemId(item) for item in await connection.scalars(statement)]

    async def captured_keys(
        self, connection: AsyncConnection, album: AlbumId, items: Sequence[ItemId]
    ) -> dict[ItemId, str]:
        """Return the stored sort keys of the order by capture time."""
        statement = select(album_items.c.item_id, album_items.c.captured_key).where(_named(album, items))
        return {ItemId(item): key for item, key in await connection.execute(statement)}

    async def update_captured_keys(
        self, connection: AsyncConnection, album: AlbumId, order: AlbumOrder, rows: Sequence[ItemRow]
    ) -> None:
        """Update the sort keys of the items; their positions only if the album has no manual order."""
        change = update(album_items).where(album_items.c.album_id == album, album_items.c.item_id == bindparam("item"))
        change = change.values(captured_key=bindparam("key"))
        if order is AlbumOrder.CAPTURED:
            change = change.values(position=bindparam("place"))
        places = [{"item": row.item_id, "key": captured_key(row), "place": position_of(row)} for row in rows]
        await connection.execute(change, places)


def position_of(row: ItemRow) -> int:
    """Return the initial position in the manual order: by capture time."""
    return positions.of_capture(row.captured_at or row.created_at)


def _select_effective(*columns: Any) -> Select[Any]:
    """Select from the placements whose owner is still a member: only these grant access."""
    return select(*columns).select_from(album_items).join(album_members, _OWNER_IS_IN)


def _named(album: AlbumId, items: Iterable[ItemId]) -> ColumnElement[bool]:
    return and_(album_items.c.album_id == album, album_items.c.item_id.in_(list(items)))


def _is_after(order: AlbumOrder, place: str, item: str) -> ColumnElement[bool]:
    if order is AlbumOrder.CAPTURED:
        return album_items.c.captured_key > place
    position = int(place)
    beside = and_(album_items.c.position == position, album_items.c.item_id > item)
    # MariaDB seeks in the index only because of the first condition; it does not do so for a row comparison.
    return and_(album_items.c.position >= position, (album_items.c.position > position) | beside)


def _placed(row: Any, order: AlbumOrder) -> Placed:
    placement = Placement(row.album_id, row.owner_id, row.added_version, bool(row.original_allowed))
    place = row.captured_key if order is AlbumOrder.CAPTURED else str(row.position)
    return Placed(row.item_id, placement, place, row.added_at)
