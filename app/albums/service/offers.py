"""The open offer of an album to a member, and the events about it."""

from datetime import timedelta

from app.access.schema.values import AlbumRow
from app.albums.schema.values import TransferRow
from app.albums.service.album_events import AlbumEvents
from app.albums.store.transfers import TransferStore
from app.stores.aurora import AsyncConnection
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.albums import AlbumTransfer, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, new_ulid
from darkroom_shared.times import Clock

LIFETIME = timedelta(days=7)
"""The same as an invitation's."""


class TransferOffers:
    """The methods that change something are steps of a transaction that has locked the album."""

    def __init__(self, *, store: TransferStore, events: AlbumEvents, clock: Clock) -> None:
        self._store, self._events, self._clock = store, events, clock

    async def pending(self, connection: AsyncConnection, album: AlbumRow) -> TransferRow | None:
        """Return the offer unless it has expired."""
        offer = await self._store.get(connection, album)
        return offer if offer is not None and offer.expires_at > self._clock() else None

    async def make(self, unit: UnitOfWork, album: AlbumRow, receiver: AccountId) -> None:
        """Replace any open offer, and publish the new one to the owner and the receiver."""
        now = self._clock()
        offer = TransferRow(album.id, new_ulid(), album.owner_id, receiver, now, now + LIFETIME)
        await self._store.put(unit.connection, offer)
        await self._publish(unit, album, offer, offer.to_wire())

    async def end(self, unit: UnitOfWork, album: AlbumRow, offer: TransferRow) -> None:
        await self._store.remove(unit.connection, album.id)
        await self._publish(unit, album, offer, None)

    async def complete(self, unit: UnitOfWork, album: AlbumRow) -> None:
        """Delete the offer. `album` is the row after the change of its owner, which is published."""
        await self._store.remove(unit.connection, album.id)
        await self._events.publish(
            unit,
            EventType.ALBUM_UPDATED,
            album,
            f"version:{album.version}",
            account_id=album.owner_id,
            member_role=Role.OWNER.value,
        )

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
