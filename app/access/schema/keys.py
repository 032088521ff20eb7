"""Cache keys of the rows that decide access, and the types of their values."""

from pydantic import TypeAdapter

from app.access.schema.values import AlbumRow, Membership, Placement
from app.cached import ALBUM, ALBUMS_OF_ITEM, MEMBERSHIP
from app.stores.cache.keys import Key
from darkroom_shared.ids import AccountId, AlbumId, ItemId

_ALBUM = ALBUM.of_type(TypeAdapter[AlbumRow | None](AlbumRow | None))
_MEMBERSHIP = MEMBERSHIP.of_type(TypeAdapter[Membership | None](Membership | None))
_ALBUMS_OF_ITEM = ALBUMS_OF_ITEM.of_type(TypeAdapter[tuple[Placement, ...]](tuple[Placement, ...]))


def album_key(album: AlbumId) -> Key[AlbumRow | None]:
    return _ALBUM.key(album)


def membership_key(album: AlbumId, account: AccountId) -> Key[Membership | None]:
    return _MEMBERSHIP.key(album, account)


def albums_of_item_key(item: ItemId) -> Key[tuple[Placement, ...]]:
    return _ALBUMS_OF_ITEM.key(item)
