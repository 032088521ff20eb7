"""Erasure of an account's albums, memberships and placements; resumes after a crash."""

from collections.abc import AsyncIterator

from app.access.schema.values import AlbumAccess
from app.access.service.access import AccessService
from app.access.service.album_changes import AlbumChanges
from app.albums.service.leaving import LeaveService
from app.albums.service.remaining_rows import RemainingRows
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from darkroom_shared.ids import AccountId, AlbumId

ALBUMS_PER_PAGE = 20


class AlbumErasure:
    """Erases a closed account's albums, memberships, invitations and placements."""

    def __init__(
        self,
        *,
        database: Database,
        cache: Cache,
        access: AccessService,
        changes: AlbumChanges,
        leave_service: LeaveService,
        remaining_rows: RemainingRows,
    ) -> None:
        self._database, self._cache, self._access, self._changes = database, cache, access, changes
        self._leave_service, self._remaining_rows = leave_service, remaining_rows

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Yield the number of albums or rows after each page. Other members receive events, the account does not.

        Erase the account's comments first: the recipients of their events are the members of the albums.
        """
        while accesses := await self._page(account):
            for access in accesses:
                await self._leave(account, access.album.id)
            yield len(accesses)
        while count := await self._remaining_rows.delete(account):
            yield count

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        return await self._remaining_rows.count(account)

    async def _page(self, account: AccountId) -> list[AlbumAccess]:
        async with self._database.writer.read() as connection:
            return await self._access.page(connection, account, None, ALBUMS_PER_PAGE)

    async def _leave(self, account: AccountId, album: AlbumId) -> None:
        async with self._cache.change() as unit:
            access = await self._changes.access(unit, album, account)
            if access is None:
                return
            remaining_members = [each for each in await self._changes.members(unit, album) if each != account]
            await self._leave_service.leave_or_delete(unit, access, account, remaining_members)
