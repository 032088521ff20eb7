"""Erasure of an account's albums, memberships and placements; resumes after a crash."""

from collections.abc import AsyncIterator

from app.access.schema.keys import album_key, membership_key
from app.access.schema.values import AlbumAccess
from app.access.store.albums import AlbumStore
from app.access.store.placement_purge import PlacementPurgeStore
from app.albums.service.album_events import AlbumEvents
from app.albums.service.leaving import LeaveService
from app.albums.store.invitations import InvitationStore
from app.albums.store.transfers import TransferStore
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from darkroom_shared.albums import Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId

ALBUMS_PER_PAGE = 20
ROWS_PER_STEP = 1_000


class AlbumErasure:
    def __init__(
        self,
        *,
        database: Database,
        cache: Cache,
        albums: AlbumStore,
        leave_service: LeaveService,
        invitations: InvitationStore,
        purge: PlacementPurgeStore,
        events: AlbumEvents,
        transfers: TransferStore,
    ) -> None:
        self._database, self._cache, self._albums, self._leave_service = database, cache, albums, leave_service
        self._invitations, self._purge, self._events = invitations, purge, events
        self._transfers = transfers

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Yield the number of albums or rows after each page. Other members receive events, the account does not.

        Erase the account's comments first: the recipients of their events are the members of the albums.
        """
        while accesses := await self._page(account):
            for access in accesses:
                await self._leave(account, access.album.id)
            yield len(accesses)
        while count := await self._remove_rows(account):
            yield count

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        async with self._database.writer.read() as connection:
            counts = await self._purge.count_rows(connection, account)
            counts |= await self._invitations.count_rows(connection, account)
            return counts | await self._transfers.count_rows(connection, account)

    async def _page(self, account: AccountId) -> list[AlbumAccess]:
        async with self._database.writer.read() as connection:
            return await self._albums.page(connection, account, None, ALBUMS_PER_PAGE)

    async def _leave(self, account: AccountId, album: AlbumId) -> None:
        async with self._cache.change(album_key(album), membership_key(album, account)) as unit:
            access = await self._albums.access(unit.connection, album, account)
            if access is None:
                return
            remaining_members = [each for each in await self._albums.members(unit.connection, album) if each != account]
            if access.role is Role.OWNER:
                await self._events.publish(unit, EventType.ALBUM_DELETED, access.album, "deleted", to=remaining_members)
                await self._albums.remove(unit.connection, access.album)
            else:
                await self._leave_service.leave(unit, access.album, account, remaining_members)

    async def _remove_rows(self, account: AccountId) -> int:
        """Delete rows that no album refers to any more, so there is no cache key to invalidate."""
        async with self._database.writer.write() as connection:
            return (
                await self._purge.remove_rows_of(connection, account, ROWS_PER_STEP)
                + await self._transfers.delete_offers_to(connection, account)
                + await self._invitations.delete_accepted_by(connection, account)
            )
