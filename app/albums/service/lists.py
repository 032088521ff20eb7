"""The list of an account's albums, and their cover items."""

from dataclasses import dataclass

from app.access.schema.values import AlbumAccess
from app.access.service.access import AccessService
from app.access.service.shared_items import SharedItems
from app.identity import Member
from app.items.service.representation import ItemRepresentation
from app.pagination import Cursors, Position
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId
from darkroom_shared.items import Item

ALBUMS = "albums"


@dataclass(frozen=True, slots=True)
class ListedAlbums:
    """`next_cursor` is None on the last page."""

    accesses: list[AlbumAccess]
    next_cursor: str | None


class AlbumLists:
    """Lists an account's albums, own and joined ones, with their covers."""

    def __init__(
        self,
        *,
        database: Database,
        access: AccessService,
        shared_items: SharedItems,
        representation: ItemRepresentation,
        cursors: Cursors,
    ) -> None:
        self._database, self._access, self._cursors = database, access, cursors
        self._shared_items, self._representation = shared_items, representation

    async def list(self, account: AccountId, cursor: str | None, limit: int) -> ListedAlbums:
        """Return own and joined albums, newest first. Raises Invalid for a cursor of another list."""
        after = self._cursors.read(account, ALBUMS, cursor).item_id if cursor else None
        async with self._database.writer.read() as connection:
            rows = await self._access.page(connection, account, after, limit + 1)
        listed = rows[:limit]
        more = self._cursors.write(account, ALBUMS, Position(listed[-1].album.id)) if len(rows) > limit else None
        return ListedAlbums(listed, more)

    async def covers(self, account: AccountId, listed: ListedAlbums) -> tuple[Item, ...]:
        """Return the cover items that the account can see, with URLs."""
        items = list(dict.fromkeys(each.album.cover_item_id for each in listed.accesses if each.album.cover_item_id))
        seen_items = await self._shared_items.access_many(Member(account), items)
        return self._representation.all_to_wire([(each.row, each.shared) for each in seen_items.values()])
