"""The dependencies of routes that visitors of a share link may use, too."""

from typing import Annotated

from fastapi import Depends, Header, Request

from app.http.caller import Credentials, require_caller
from app.identity import Member, Shares, ShareVisitor, Viewer
from darkroom_shared.ids import AccountId, ShareId
from darkroom_shared.problems import NotFound
from darkroom_shared.sharing import PROOF_HEADER, SHARE_HEADER

ACCOUNT_PREFIX = "acc_"


ShareToken = Annotated[
    str | None, Header(alias=SHARE_HEADER, max_length=200, description="A share link's token; no session is needed.")
]
ShareProof = Annotated[
    str | None, Header(alias=PROOF_HEADER, max_length=200, description="Where the link has a password.")
]


async def require_viewer(
    request: Request, credentials: Credentials, token: ShareToken = None, proof: ShareProof = None
) -> Viewer:
    """Return the viewer. A request with a share link's token is made by the link's visitor, even if signed in.

    Raises Unauthenticated, NotFound, ShareLocked.
    """
    if token is None:
        return Member((await require_caller(request, credentials)).account_id)
    return await require_visitor(request, token, proof)


async def require_visitor(request: Request, token: ShareToken = None, proof: ShareProof = None) -> ShareVisitor:
    """Return the share link's visitor. Raises NotFound, also without a link, and ShareLocked."""
    if token is None:
        raise NotFound
    shares: Shares = request.state.shares
    return await shares.open(token, proof)


async def viewer_named(request: Request, name: str) -> Viewer | None:
    """Return the viewer that a grant was issued to, or None if its share is no longer valid."""
    if name.startswith(ACCOUNT_PREFIX):
        return Member(AccountId(name))
    shares: Shares = request.state.shares
    return await shares.visitor(ShareId(name))


Viewing = Annotated[Viewer, Depends(require_viewer)]
Visiting = Annotated[ShareVisitor, Depends(require_visitor)]
