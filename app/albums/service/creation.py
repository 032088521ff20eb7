"""Creating an album: its row and the owner's membership, once per Idempotency-Key."""

import structlog

from app.access.schema.values import AlbumAccess, AlbumRow
from app.access.service.album_changes import AlbumChanges
from app.albums.service.album_events import AlbumEvents
from app.albums.service.rights import require_member
from app.events.service.requests import RelationalRequests
from app.request_key import RequestKey
from app.stores.cache.cache import Cache
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import CreateAlbum, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, new_album_id
from darkroom_shared.times import Clock

log = structlog.get_logger()


class AlbumCreation:
    def __init__(
        self,
        *,
        cache: Cache,
        changes: AlbumChanges,
        events: AlbumEvents,
        completed_requests: RelationalRequests,
        clock: Clock,
    ) -> None:
        self._cache, self._changes, self._events = cache, changes, events
        self._completed_requests, self._clock = completed_requests, clock

    async def create(self, owner: AccountId, body: CreateAlbum, request: RequestKey | None) -> AlbumAccess:
        """Create an album, or return the one that was created with this key.

        Raises IdempotencyMismatch, or NotFound if the album that this key created was deleted since.
        """
        return await retry_on_conflict(lambda: self._create(owner, body, request))

    async def _create(self, owner: AccountId, body: CreateAlbum, request: RequestKey | None) -> AlbumAccess:
        album = self._new_album(owner, body)
        async with self._cache.change() as unit:
            earlier = await self._completed_requests.earlier(unit.connection, owner, request)
            if earlier is not None:
                return require_member(await self._changes.access(unit, AlbumId(earlier.resource_id), owner))
            await self._changes.add(unit, album)
            await self._completed_requests.note(unit.connection, owner, request, album.id, 201)
            await self._events.publish(unit, EventType.ALBUM_CREATED, album, "created")
        log.info("album.created", account=owner, album=album.id)
        return AlbumAccess(album, Role.OWNER)

    def _new_album(self, owner: AccountId, body: CreateAlbum) -> AlbumRow:
        return AlbumRow(
            id=new_album_id(),
            owner_id=owner,
            title=body.title,
            description=body.description,
            cover_item_id=None,
            item_order=body.order,
            originals_allowed=body.originals_allowed,
            item_count=0,
            version=1,
            items_version=1,
            created_at=self._clock(),
        )
