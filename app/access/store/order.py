"""SQL statements for the manual order."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.positions import STEP
from app.access.schema.tables import album_items
from darkroom_shared.ids import AlbumId, ItemId

_PLACE = (album_items.c.position, album_items.c.item_id)


@dataclass(frozen=True, slots=True)
class PositionGap:
    """The space next to an item: its position, the neighbours to shift, and the position after them, if any."""

    near: int
    shifted: list[ItemId]
    far: int | None


class OrderStore:
    """Each method is one step of a transaction that has locked the album."""

    async def gap(
        self,
        connection: AsyncConnection,
        album: AlbumId,
        before: ItemId | None,
        after: ItemId | None,
        moved: Set[ItemId],
        neighbours: int,
    ) -> PositionGap:
        """Return the space on that side, with up to `neighbours` nearest items that are not in `moved`, in order."""
        in_album = album_items.c.album_id == album
        anchor = select(album_items.c.position).where(in_album, album_items.c.item_id == (before or after))
        anchor_place = (await connection.execute(anchor)).scalar_one()
        at = tuple_(anchor_place, before or after)
        statement = select(*_PLACE).where(in_album, album_items.c.item_id.not_in(moved))
        if after is not None:
            beside = and_(album_items.c.position >= anchor_place, tuple_(*_PLACE) > at)
            statement = statement.where(beside).order_by(*_PLACE)
        else:
            beside = and_(album_items.c.position <= anchor_place, tuple_(*_PLACE) < at)
            statement = statement.where(beside).order_by(*(column.desc() for column in _PLACE))
        rows = list(await connection.execute(statement.limit(neighbours + 1)))
        order, beyond = [ItemId(item) for _, item in rows[:neighbours]], rows[neighbours:]
        return PositionGap(anchor_place, order if after else order[::-1], beyond[0].position if beyond else None)

    async def renumber(self, connection: AsyncConnection, album: AlbumId) -> None:
        """Assign new positions to all items, STEP apart, in their present order."""
        in_album = album_items.c.album_id == album
        place = func.row_number().over(order_by=_PLACE).label("place")
        order = select(album_items.c.item_id, place).where(in_album).subquery("in_order")
        change = update(album_items).where(in_album, album_items.c.item_id == order.c.item_id)
        await connection.execute(change.values(position=order.c.place * STEP))

    async def place(self, connection: AsyncConnection, album: AlbumId, places: Mapping[str, int]) -> None:
        """Set the positions of these items. Items that are not in the album are ignored."""
        change = (
            update(album_items)
            .where(album_items.c.album_id == album, album_items.c.item_id == bindparam("item"))
            .values(position=bindparam("place"))
        )
        await connection.execute(change, [{"item": item, "place": place} for item, place in places.items()])
