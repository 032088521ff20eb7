"""Albums: read, edit and delete them."""

from dataclasses import replace

import structlog

from app.access.schema.values import AlbumAccess, AlbumRow
from app.access.service.access import AccessService
from app.access.service.album_changes import AlbumChanges
from app.albums.service.album_events import AlbumEvents
from app.albums.service.contents import AlbumContents
from app.albums.service.rights import require_member, require_owner
from app.stores.cache.cache import Cache
from darkroom_shared.albums import EditAlbum, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId
from darkroom_shared.problems import Invalid, Outdated

log = structlog.get_logger()

_COLUMNS = {"order": "item_order"}
"""Column names of the wire fields that are named differently."""


class AlbumService:
    """Reads, changes and deletes albums. Each change commits before its method returns."""

    def __init__(
        self,
        *,
        cache: Cache,
        access: AccessService,
        changes: AlbumChanges,
        contents: AlbumContents,
        events: AlbumEvents,
    ) -> None:
        self._cache, self._access, self._changes = cache, access, changes
        self._contents, self._events = contents, events

    async def require(self, account: AccountId, album: AlbumId) -> AlbumAccess:
        """Return the album and the account's role. Raises NotFound, also if the account is not a member."""
        return require_member(await self._access.access(account, album))

    async def edit(self, owner: AccountId, album: AlbumId, body: EditAlbum, expected: int | None) -> AlbumAccess:
        """Change the fields that the body names.

        Raises NotFound, Forbidden, Outdated, or Invalid for a cover that is not in the album.
        """
        values = {
            _COLUMNS.get(name, name): value
            for name, value in body.model_dump(exclude_unset=True).items()
            if value is not None
        }
        async with self._cache.change() as unit:
            row = require_owner(await self._changes.access(unit, album, owner))
            cover = body.cover_item_id
            if cover and not await self._contents.present(unit, album, [cover]):
                raise Invalid(errors=[{"field": "cover_item_id", "message": "is not in this album"}])
            edited = _edited(row, values)
            versions = {"version": edited.version, "items_version": edited.items_version}
            if not await self._changes.change(unit, row, values | versions, expected=expected):
                raise Outdated(version=row.version)
            await self._events.publish(unit, EventType.ALBUM_UPDATED, edited, f"version:{edited.version}")
        return AlbumAccess(edited, Role.OWNER)

    async def delete(self, owner: AccountId, album: AlbumId, expected: int | None) -> None:
        """Delete the album for all members at once, whatever its size. The items stay.

        Raises NotFound, Forbidden, Outdated.
        """
        async with self._cache.change() as unit:
            row = require_owner(await self._changes.access(unit, album, owner))
            if expected is not None and row.version != expected:
                raise Outdated(version=row.version)
            await self._events.publish(unit, EventType.ALBUM_DELETED, row, "deleted")
            await self._changes.remove(unit, row)
        log.info("album.deleted", account=owner, album=album)


def _edited(row: AlbumRow, values: dict[str, object]) -> AlbumRow:
    """Return the changed row. A new order also raises `items_version`, because it changes the cached pages."""
    reordered = 1 if values.get("item_order", row.item_order) != row.item_order else 0
    return replace(row, **values, version=row.version + 1, items_version=row.items_version + reordered)  # type: ignore[arg-type]  # checked by the model
