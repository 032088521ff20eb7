"""Albums: read, create, edit and delete them."""

from dataclasses import replace

import structlog

from app.access.schema.keys import album_key, membership_key
from app.access.schema.values import AlbumAccess, AlbumRow
from app.access.service.access import AccessService
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.access.store.placements import PlacementStore
from app.albums.service.album_events import AlbumEvents
from app.albums.service.rights import owned, seen
from app.events.service.requests import RelationalRequests
from app.request_key import RequestKey
from app.stores.cache.cache import Cache
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import CreateAlbum, EditAlbum, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, new_album_id
from darkroom_shared.problems import Invalid, Outdated
from darkroom_shared.times import Clock

log = structlog.get_logger()

_COLUMNS = {"order": "item_order"}
"""Column names of the wire fields that are named differently."""


class AlbumService:
    def __init__(
        self,
        *,
        cache: Cache,
        access: AccessService,
        store: AlbumStore,
        members: MemberStore,
        placements: PlacementStore,
        events: AlbumEvents,
        completed_requests: RelationalRequests,
        clock: Clock,
    ) -> None:
        self._cache, self._access = cache, access
        self._store, self._members, self._placements, self._events = store, members, placements, events
        self._completed_requests, self._clock = completed_requests, clock

    async def require(self, account: AccountId, album: AlbumId) -> AlbumAccess:
        """Raises NotFound; an album that the account is not in looks like an absent one."""
        return seen(await self._access.access(account, album))

    async def create(self, owner: AccountId, body: CreateAlbum, request: RequestKey | None) -> AlbumAccess:
        """Raises IdempotencyMismatch, or NotFound if the album that this key created was deleted since."""
        return await retry_on_conflict(lambda: self._create(owner, body, request))

    async def _create(self, owner: AccountId, body: CreateAlbum, request: RequestKey | None) -> AlbumAccess:
        album = self._new_album(owner, body)
        async with self._cache.change(album_key(album.id), membership_key(album.id, owner)) as unit:
            earlier = await self._completed_requests.earlier(unit.connection, owner, request)
            if earlier is not None:
                return seen(await self._store.access(unit.connection, AlbumId(earlier.resource_id), owner))
            await self._store.add(unit.connection, album)
            await self._members.add(unit.connection, album, owner, Role.OWNER, album.created_at)
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

    async def edit(self, owner: AccountId, album: AlbumId, body: EditAlbum, expected: int | None) -> AlbumAccess:
        """Change the fields that the body names.

        Raises NotFound, Forbidden, Outdated, or Invalid for a cover that is not in the album.
        """
        values = {
            _COLUMNS.get(name, name): value
            for name, value in body.model_dump(exclude_unset=True).items()
            if value is not None
        }
        async with self._cache.change(album_key(album)) as unit:
            row = owned(await self._store.access(unit.connection, album, owner))
            cover = body.cover_item_id
            if cover and not await self._placements.is_placed_in(unit.connection, album, cover):
                raise Invalid(errors=[{"field": "cover_item_id", "message": "does not lie in this album"}])
            edited = _edited(row, values)
            moved = {"version": edited.version, "items_version": edited.items_version}
            if not await self._store.change(unit.connection, row, values | moved, expected=expected):
                raise Outdated(version=row.version)
            await self._events.publish(unit, EventType.ALBUM_UPDATED, edited, f"version:{edited.version}")
        return AlbumAccess(edited, Role.OWNER)

    async def delete(self, owner: AccountId, album: AlbumId, expected: int | None) -> None:
        """Delete the album for all members at once, whatever its size. The items stay.

        Raises NotFound, Forbidden, Outdated.
        """
        async with self._cache.change(album_key(album)) as unit:
            row = owned(await self._store.access(unit.connection, album, owner))
            if expected is not None and row.version != expected:
                raise Outdated(version=row.version)
            await self._events.publish(unit, EventType.ALBUM_DELETED, row, "deleted")
            await self._store.remove(unit.connection, row)
        log.info("album.deleted", account=owner, album=album)


def _edited(row: AlbumRow, values: dict[str, object]) -> AlbumRow:
    """Return the changed row. A new order also raises `items_version`, because it changes the cached pages."""
    moved = 1 if values.get("item_order", row.item_order) != row.item_order else 0
    return replace(row, **values, version=row.version + 1, items_version=row.items_version + moved)  # type: ignore[arg-type]  # checked by the model
