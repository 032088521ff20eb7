"""The list of an album's members, with their names."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.access.schema.values import MemberRow
from app.access.service.access import AccessService
from app.accounts.service.accounts import AccountService
from app.pagination import Cursors, Position
from app.stores.aurora import Database
from darkroom_shared.albums import Member
from darkroom_shared.ids import AccountId, AlbumId


@dataclass(frozen=True, slots=True)
class ListedMembers:
    """`next_cursor` is None on the last page."""

    members: list[Member]
    next_cursor: str | None


class MemberLists:
    def __init__(
        self, *, database: Database, access: AccessService, accounts: AccountService, cursors: Cursors
    ) -> None:
        self._database, self._access, self._accounts, self._cursors = database, access, accounts, cursors

    async def list(self, reader: AccountId, album: AlbumId, cursor: str | None, limit: int) -> ListedMembers:
        """Return members with their names, without e-mail addresses. Expects that the reader's access has been checked.

        Raises Invalid for a cursor of another list.
        """
        kind = f"members {album}"
        after = self._cursors.read(reader, kind, cursor).item_id if cursor else None
        async with self._database.writer.read() as connection:
            rows = await self._access.members(connection, album, after, limit + 1)
        listed = rows[:limit]
        names = await self._accounts.names([each.account_id for each in listed])
        more = self._cursors.write(reader, kind, Position(listed[-1].account_id)) if len(rows) > limit else None
        return ListedMembers([member_to_wire(each, names) for each in listed], more)


def member_to_wire(member: MemberRow, names: Mapping[AccountId, str]) -> Member:
    """The name is empty if the account is missing in `names`, for example because it was closed."""
    return Member(
        account_id=member.account_id,
        name=names.get(member.account_id, ""),
        role=member.role,
        joined_at=member.joined_at,
    )
