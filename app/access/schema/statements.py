"""Statements over albums, members and placements that other capabilities' stores run or extend."""

from collections.abc import Sequence
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, literal, select

from app.access.schema.tables import album_items, album_members, albums
from darkroom_shared.ids import AccountId, AlbumId, ItemId

Columns = TypeVarTuple("Columns")


def titles_of_own(account: AccountId) -> Select[str, str]:
    """Select `id` and `title` of the albums that the account owns."""
    return select(albums.c.id, albums.c.title).where(albums.c.owner_id == account)


def titles_of_joined(account: AccountId) -> Select[str, str]:
    """Select `id` and `title` of the albums that the account is a member of."""
    return (
        select(albums.c.id, albums.c.title)
        .join(album_members, album_members.c.album_id == albums.c.id)
        .where(album_members.c.account_id == account)
    )


def members_who_see(item: ItemId) -> Select[str]:
    """Select the accounts of all albums that show the item.

    As in `Placement.counts`: an album shows the item only if its owner became a member before the item was added.
    """
    owners_membership, membership = album_members.alias("owners_membership"), album_members.alias("membership")
    return (
        select(membership.c.account_id)
        .distinct()
        .select_from(album_items)
        .join(
            owners_membership,
            and_(
                owners_membership.c.album_id == album_items.c.album_id,
                owners_membership.c.account_id == album_items.c.owner_id,
                owners_membership.c.since_version < album_items.c.added_version,
            ),
        )
        .join(membership, membership.c.album_id == album_items.c.album_id)
        .where(album_items.c.item_id == item)
    )


def placed_in(rows: Select[*Columns], item: ColumnElement[str], album: AlbumId | Sequence[AlbumId]) -> Select[*Columns]:
    """Restrict the rows to those whose `item` is in the album, or in any of the albums, once for each of them."""
    one = isinstance(album, str)
    within = album_items.c.album_id == album if one else album_items.c.album_id.in_(album)
    return rows.join(album_items, album_items.c.item_id == item).where(within)


def placement(item: ColumnElement[str], requested: Sequence[AlbumId]) -> Select[int]:
    """Select 1 for each of these albums that has the item, a column of the enclosing statement."""
    placed = album_items.alias()
    return select(literal(1)).where(placed.c.album_id.in_(requested), placed.c.item_id == item)
