"""The list of an album's open invitations, for its owner."""

from dataclasses import dataclass

from app.access.service.access import AccessService
from app.albums.schema.values import InvitationRow
from app.albums.service.rights import require_owner
from app.albums.store.invitations import InvitationStore
from app.pagination import Cursors, Position
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId, AlbumId
from darkroom_shared.times import Clock


@dataclass(frozen=True, slots=True)
class ListedInvitations:
    """`next_cursor` is None on the last page."""

    invitations: list[InvitationRow]
    next_cursor: str | None


class InvitationLists:
    def __init__(
        self, *, database: Database, access: AccessService, store: InvitationStore, cursors: Cursors, clock: Clock
    ) -> None:
        self._database, self._access, self._store = database, access, store
        self._cursors, self._clock = cursors, clock

    async def list(self, owner: AccountId, album: AlbumId, cursor: str | None, limit: int) -> ListedInvitations:
        """Return the open ones, newest first. Raises NotFound, Forbidden, Invalid for a cursor of another list."""
        kind = f"invitations {album}"
        after = self._cursors.read(owner, kind, cursor).item_id if cursor else None
        require_owner(await self._access.access(owner, album))
        async with self._database.writer.read() as connection:
            rows = await self._store.page(connection, album, after, self._clock(), limit + 1)
        listed = rows[:limit]
        more = self._cursors.write(owner, kind, Position(listed[-1].id)) if len(rows) > limit else None
        return ListedInvitations(listed, more)
