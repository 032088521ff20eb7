"""The viewer of an item: a signed-in account or a share link's visitor, in a layer below all capabilities."""

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Header, Request

from app.http.caller import Credentials, require_caller
from darkroom_shared.ids import AccountId, AlbumId, ShareId
from darkroom_shared.problems import NotFound
from darkroom_shared.sharing import PROOF_HEADER, SHARE_HEADER

ACCOUNT_PREFIX = "acc_"


@dataclass(frozen=True, slots=True)
class Member:
    """A viewer with an account. The albums it may see are queried for each request."""

    account_id: AccountId

    @property
    def name(self) -> str:
        """The name that cursors and grants are bound to."""
        return self.account_id


@dataclass(frozen=True, slots=True)
class ShareVisitor:
    """A viewer with a share link that was valid when it was checked. It gives access to one album only."""

    share_id: ShareId
    album_id: AlbumId
    download_allowed: bool

    @property
    def name(self) -> str:
        return self.share_id


Viewer = Member | ShareVisitor


class Shares(Protocol):
    """The interface that `sharing` provides as `request.state.shares`."""

    async def open(self, token: str, proof: str | None) -> ShareVisitor:
        """Return the visitor. Raises NotFound, or ShareLocked if the link has a password that the visitor has not
        entered."""
        ...

    async def visitor(self, share: ShareId) -> ShareVisitor | None:
        """Return the visitor, or None if the share is revoked or expired. Called before each playlist that a
        visitor's grant opens."""
        ...


ShareToken = Annotated[
    str | None, Header(alias=SHARE_HEADER, max_length=200, description="A share link's token; no session is needed.")
]
ShareProof = Annotated[
    str | None, Header(alias=PROOF_HEADER, max_length=200, description="Where the link has a password.")
]


async def require_viewer(
    request: Request, credentials: Credentials, token: ShareToken = None, proof: ShareProof = None
) -> Viewer:
    """Return the viewer. A request with a link is its visitor's, even if signed in.

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
