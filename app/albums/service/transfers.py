"""Transfer of an album: its owner offers it to a member, who accepts (transfer_acceptance.py) or declines."""

import structlog

from app.access.schema.values import AlbumAccess
from app.access.service.access import AccessService
from app.access.service.album_changes import AlbumChanges
from app.albums.schema.values import TransferRow
from app.albums.service.offers import TransferOffers
from app.albums.service.rights import require_member, require_owner
from app.events.service.requests import RelationalRequests
from app.request_key import RequestKey
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.ids import AccountId, AlbumId
from darkroom_shared.problems import Invalid, NotFound, WrongState

log = structlog.get_logger()


class TransferService:
    """Offers of an album to a member. Raises NotFound also for an album of which the caller is not a member."""

    def __init__(
        self,
        *,
        database: Database,
        cache: Cache,
        access: AccessService,
        changes: AlbumChanges,
        offers: TransferOffers,
        completed_requests: RelationalRequests,
    ) -> None:
        self._database, self._cache, self._access = database, cache, access
        self._changes, self._offers, self._completed_requests = changes, offers, completed_requests

    async def require(self, caller: AccountId, album: AlbumId) -> TransferRow:
        """Return the offer, to its owner and its receiver. Raises NotFound if there is none, and for other members."""
        access = require_member(await self._access.access(caller, album))
        async with self._database.writer.read() as connection:
            offer = await self._offers.pending(connection, access.album)
        return _offer_for(caller, offer)

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
            access = require_member(await self._changes.access(unit, album, owner))
            if await self._completed_requests.earlier(unit.connection, owner, request):
                return access
            row = require_owner(access)
            if receiver == owner or await self._changes.member(unit, album, receiver) is None:
                raise Invalid(errors=[{"field": "account_id", "message": "is not another member of this album"}])
            pending = await self._offers.pending(unit.connection, row)
            if pending is not None and pending.to_account_id != receiver:
                raise WrongState("It is offered to another member already; withdraw that first.")
            await self._completed_requests.note(unit.connection, owner, request, album, 200)
            if pending is None:
                await self._offers.make(unit, row, receiver)
        log.info("transfer.offered", account=owner, album=album, to=receiver)
        return access

    async def end(self, caller: AccountId, album: AlbumId) -> None:
        """Withdraw the offer (owner) or decline it (receiver). Raises NotFound as `require`."""
        async with self._cache.change() as unit:
            access = require_member(await self._changes.access(unit, album, caller))
            offer = _offer_for(caller, await self._offers.pending(unit.connection, access.album))
            await self._offers.end(unit, access.album, offer)
        log.info("transfer.ended", account=caller, album=album)


def _offer_for(caller: AccountId, offer: TransferRow | None) -> TransferRow:
    """Raise NotFound unless the caller is the offer's owner or receiver."""
    if offer is None or caller not in (offer.from_account_id, offer.to_account_id):
        raise NotFound
    return offer
