"""Transfer of an album: its owner offers it to a member, who accepts or declines."""

from dataclasses import replace
from datetime import timedelta

import structlog

from app.access.schema.keys import album_key, membership_key
from app.access.schema.values import AlbumAccess, AlbumRow
from app.access.service.access import AccessService
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.albums.schema.values import TransferRow
from app.albums.service.album_events import AlbumEvents
from app.albums.service.open_access import OpenAccess
from app.albums.service.rights import owned, seen
from app.albums.store.transfers import TransferStore
from app.events.service.requests import RelationalRequests
from app.request_key import RequestKey
from app.stores.aurora import AsyncConnection, Database
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import AlbumTransfer, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, new_ulid
from darkroom_shared.problems import Invalid, NotFound, WrongState
from darkroom_shared.times import Clock

log = structlog.get_logger()

LIFETIME = timedelta(days=7)
"""The same as an invitation's."""


class TransferService:
    """Raises NotFound for an album that the caller is not in, as for one that does not exist."""

    def __init__(
        self,
        *,
        database: Database,
        cache: Cache,
        access: AccessService,
        albums: AlbumStore,
        members: MemberStore,
        store: TransferStore,
        open_access: OpenAccess,
        events: AlbumEvents,
        completed_requests: RelationalRequests,
        clock: Clock,
    ) -> None:
        self._database, self._cache, self._access = database, cache, access
        self._albums, self._members, self._store, self._open_access = albums, members, store, open_access
        self._events, self._completed_requests, self._clock = events, completed_requests, clock

    async def require(self, caller: AccountId, album: AlbumId) -> TransferRow:
        """Return the offer, to its owner and its receiver. Raises NotFound if there is none, and for other members."""
        access = seen(await self._access.access(caller, album))
        async with self._database.writer.read() as connection:
            offer = await self._pending(connection, access.album)
        return _concerning(caller, offer)

    async def offer(
        self, owner: AccountId, album: AlbumId, receiver: AccountId, request: RequestKey | None
    ) -> AlbumAccess:
        """Offer the album to another member. Nothing changes until the receiver accepts.

        Repeating an open offer changes nothing.
        Raises Forbidden for all but the owner, Invalid for an account that is not another member, WrongState while it
        is offered to another member, IdempotencyMismatch.
        """
        return await retry_on_conflict(lambda: self._offer(owner, album, receiver, request))

    async def _offer(
        self, owner: AccountId, album: AlbumId, receiver: AccountId, request: RequestKey | None
    ) -> AlbumAccess:
        async with self._cache.change() as unit:
            access = seen(await self._albums.access(unit.connection, album, owner))
            if await self._completed_requests.earlier(unit.connection, owner, request):
                return access
            row = owned(access)
            if receiver == owner or await self._members.get(unit.connection, album, receiver) is None:
                raise Invalid(errors=[{"field": "account_id", "message": "is not another member of this album"}])
            pending = await self._pending(unit.connection, row)
            if pending is not None and pending.to_account_id != receiver:
                raise WrongState("It is offered to another member already; withdraw that first.")
            await self._completed_requests.note(unit.connection, owner, request, album, 200)
            if pending is None:
                now = self._clock()
                new = TransferRow(album, new_ulid(), owner, receiver, now, now + LIFETIME)
                await self._store.put(unit.connection, new)
                await self._publish(unit, row, new, new.to_wire())
        log.info("transfer.offered", account=owner, album=album, to=receiver)
        return access

    async def end(self, caller: AccountId, album: AlbumId) -> None:
        """Withdraw the offer (owner) or decline it (receiver). Raises NotFound as `require`."""
        async with self._cache.change() as unit:
            access = seen(await self._albums.access(unit.connection, album, caller))
            offer = _concerning(caller, await self._pending(unit.connection, access.album))
            await self._store.remove(unit.connection, album)
            await self._publish(unit, access.album, offer, None)
        log.info("transfer.ended", account=caller, album=album)

    async def accept(self, receiver: AccountId, album: AlbumId, request: RequestKey | None) -> AlbumAccess:
        """Make the receiver the owner; the previous owner stays as a contributor. Repeating it is no error.

        Access that the previous owner granted ends: share links, open invitations, and `originals_allowed`, which would
        otherwise open the new owner's originals without that owner's consent.
        Raises NotFound if the album is not offered to the caller, IdempotencyMismatch.
        """
        return await retry_on_conflict(lambda: self._accept(receiver, album, request))

    async def _accept(self, receiver: AccountId, album: AlbumId, request: RequestKey | None) -> AlbumAccess:
        async with self._cache.change(album_key(album), membership_key(album, receiver)) as unit:
            access = seen(await self._albums.access(unit.connection, album, receiver))
            if await self._completed_requests.earlier(unit.connection, receiver, request) or access.role is Role.OWNER:
                return access
            offer = await self._pending(unit.connection, access.album)
            if offer is None or offer.to_account_id != receiver:
                raise NotFound
            await self._completed_requests.note(unit.connection, receiver, request, album, 200)
            unit.invalidate(membership_key(album, access.album.owner_id))
            await self._open_access.end(unit, access.album)
            await self._store.remove(unit.connection, album)
            changed = await self._change_owner(unit, access.album, receiver)
        log.info("album.transferred", account=offer.from_account_id, album=album, to=receiver)
        return AlbumAccess(changed, Role.OWNER)

    async def _change_owner(self, unit: UnitOfWork, album: AlbumRow, receiver: AccountId) -> AlbumRow:
        changed = replace(album, owner_id=receiver, originals_allowed=False, version=album.version + 1)
        values = {"owner_id": receiver, "originals_allowed": False, "version": changed.version}
        await self._albums.change(unit.connection, album, values, expected=None)
        await self._members.give_role(unit.connection, album.id, album.owner_id, Role.CONTRIBUTOR)
        await self._members.give_role(unit.connection, album.id, receiver, Role.OWNER)
        await self._events.publish(
            unit,
            EventType.ALBUM_UPDATED,
            changed,
            f"version:{changed.version}",
            account_id=receiver,
            member_role=Role.OWNER.value,
        )
        return changed

    async def _pending(self, connection: AsyncConnection, album: AlbumRow) -> TransferRow | None:
        offer = await self._store.get(connection, album)
        return offer if offer is not None and offer.expires_at > self._clock() else None

    async def _publish(
        self, unit: UnitOfWork, album: AlbumRow, offer: TransferRow, transfer: AlbumTransfer | None
    ) -> None:
        """Publish to the owner and the receiver of `offer`. `transfer` is None if the offer has ended.

        The type is `album.updated`, because a process of the previous release cannot read a type that it does not know.
        """
        change = f"transfer:{offer.id}:{'ended' if transfer is None else 'offered'}"
        accounts = [offer.from_account_id, offer.to_account_id]
        data = transfer.model_dump(mode="json") if transfer else None
        await self._events.publish(unit, EventType.ALBUM_UPDATED, album, change, to=accounts, transfer=data)


def _concerning(caller: AccountId, offer: TransferRow | None) -> TransferRow:
    """Raise NotFound unless the caller is the offer's owner or receiver."""
    if offer is None or caller not in (offer.from_account_id, offer.to_account_id):
        raise NotFound
    return offer
