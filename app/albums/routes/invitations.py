"""Invitations to an album, over HTTP; a token is sent in bodies only, never in a path."""

from fastapi import APIRouter, Depends, Response

from app.albums.routes.dependencies import Invitations, Joining, ListsOfInvitations
from app.albums.service.album_events import to_wire
from app.events.routes import Log
from app.http.caller import Caller
from app.http.dependencies import Cursor, Limit
from app.http.idempotency import refuse_key
from darkroom_shared.albums import AcceptInvitation, Album, CreateInvitation, InvitationPage, NewInvitation
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.ids import AlbumIdField, InvitationIdField

router = APIRouter(tags=["albums"])


@router.post("/albums/{album}/invitations", status_code=201, dependencies=[Depends(refuse_key)])
async def create_invitation(
    album: AlbumIdField, body: CreateInvitation, caller: Caller, invitations: Invitations, response: Response
) -> NewInvitation:
    """For the owner. The first account to send the token within seven days joins. Only this response has the token."""
    invited = await invitations.create(caller.account_id, album, body)
    response.headers["Cache-Control"] = "no-store"
    return NewInvitation(invitation=invited.invitation.to_wire(), token=invited.token)


@router.get("/albums/{album}/invitations")
async def list_invitations(
    album: AlbumIdField,
    caller: Caller,
    lists: ListsOfInvitations,
    log: Log,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> InvitationPage:
    """For the owner: the open invitations, neither used nor expired."""
    head = await log.head(caller.account_id)
    listed = await lists.list(caller.account_id, album, cursor, limit)
    response.headers[HEAD_HEADER] = str(head.last)
    return InvitationPage(
        invitations=tuple(each.to_wire() for each in listed.invitations), next_cursor=listed.next_cursor
    )


@router.delete("/albums/{album}/invitations/{invitation}", status_code=204)
async def revoke_invitation(
    album: AlbumIdField, invitation: InvitationIdField, caller: Caller, invitations: Invitations
) -> None:
    """For the owner."""
    await invitations.revoke(caller.account_id, album, invitation)


@router.post("/invitations/accept")
async def accept_invitation(body: AcceptInvitation, caller: Caller, joining: Joining) -> Album:
    """Join an album. Repeated by the same account, it returns the same response."""
    access = await joining.accept(caller.account_id, body.token.get_secret_value())
    return to_wire(access.album, access.role)
