"""Acceptance of an album's transfer: the receiver becomes the owner."""

import structlog

from app.access.schema.values import AlbumAccess
from app.access.service.album_changes import AlbumChanges
from app.albums.service.offers import TransferOffers
from app.albums.service.open_access import OpenAccess
from app.albums.service.rights import require_member
from app.events.service.requests import RelationalRequests
from app.request_key import RequestKey
from app.stores.cache.cache import Cache
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import Role
from darkroom_shared.ids import AccountId, AlbumId
from darkroom_shared.problems import NotFound

log = structlog.get_logger()


class TransferAcceptance:
    def __init__(
        self,
        *,
        cache: Cache,
        changes: AlbumChanges,
        offers: TransferOffers,
        open_access: OpenAccess,
        completed_requests: RelationalRequests,
    ) -> None:
        self._cache, self._changes, self._offers = cache, changes, offers
        self._open_access, self._completed_requests = open_access, completed_requests

    async def accept(self, receiver: AccountId, album: AlbumId, request: RequestKey | None) -> AlbumAccess:
        """Make the receiver the owner; the previous owner stays as a contributor. Repeating it is not an error.

        Access that the previous owner granted ends: share links, open invitations, and `originals_allowed`, which would
        otherwise open the new owner's originals without that owner's consent.
        Raises NotFound if the album is not offered to the caller, or the caller is not a member; IdempotencyMismatch.
        """
        return await retry_on_conflict(lambda: self._accept(receiver, album, request))

    async def _accept(self, receiver: AccountId, album: AlbumId, request: RequestKey | None) -> AlbumAccess:
        async with self._cache.change() as unit:
            access = require_member(await self._changes.access(unit, album, receiver))
            if await self._completed_requests.earlier(unit.connection, receiver, request) or access.role is Role.OWNER:
                return access
            offer = await self._offers.pending(unit.connection, access.album)
            if offer is None or offer.to_account_id != receiver:
                raise NotFound
            await self._completed_requests.note(unit.connection, receiver, request, album, 200)
            await self._open_access.end(unit, access.album)
            changed = await self._changes.change_owner(unit, access.album, receiver)
            await self._offers.complete(unit, changed)
        log.info("album.transferred", account=offer.from_account_id, album=album, to=receiver)
        return AlbumAccess(changed, Role.OWNER)
