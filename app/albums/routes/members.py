"""Members of an album, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.albums.routes.dependencies import Albums, ListsOfMembers, Members
from app.events.routes import Log
from app.http.caller import Caller
from app.http.dependencies import Cursor, Limit
from darkroom_shared.albums import ChangeRole, Member, MemberPage
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.ids import AccountIdField, AlbumIdField

router = APIRouter(prefix="/albums/{album}", tags=["albums"])


@router.get("/members")
async def list_members(
    album: AlbumIdField,
    caller: Caller,
    albums: Albums,
    lists: ListsOfMembers,
    log: Log,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> MemberPage:
    """List all members of the album with their names and roles."""
    head = await log.head(caller.account_id)
    await albums.require(caller.account_id, album)
    listed = await lists.list(caller.account_id, album, cursor, limit)
    response.headers[HEAD_HEADER] = str(head.last)
    return MemberPage(members=tuple(listed.members), next_cursor=listed.next_cursor)


@router.patch("/members/{account}")
async def change_role(
    album: AlbumIdField,
    account: Annotated[AccountIdField, Path()],
    body: ChangeRole,
    caller: Caller,
    members: Members,
) -> Member:
    """For the owner."""
    return await members.give_role(caller.account_id, album, account, body.role)


@router.delete("/members/{account}", status_code=204)
async def remove_member(
    album: AlbumIdField, account: Annotated[AccountIdField, Path()], caller: Caller, members: Members
) -> None:
    """Leave the album, or, as the owner, remove a member. The items that the member added leave the album, too."""
    await members.remove(caller.account_id, album, account)
