"""Who looks at an item: somebody who is signed in, or whoever holds a share's link. Below all slices, like callers."""

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Header, Request

from app.caller import Credentials, require_caller
from shared.ids import AccountId, AlbumId, ShareId
from shared.problems import NotFound
from shared.sharing import PROOF_HEADER, SHARE_HEADER

ACCOUNT_PREFIX = "acc_"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with an account. Which albums they may see is asked for each time."""

    account_id: AccountId

    @property
    def name(self) -> str:
        """What cursors and grants are bound to."""
        return self.account_id


@dataclass(frozen=True, slots=True)
class ShareVisitor:
    """Somebody who holds the link of a share that was good a moment ago; it opens one album, and nothing else."""

    share_id: ShareId
    album_id: AlbumId
    download_allowed: bool

    @property
    def name(self) -> str:
        return self.share_id


Viewer = Member | ShareVisitor


class Shares(Protocol):
    """What sharing hands in as `request.state.shares`."""

    async def open(self, token: str, proof: str | None) -> ShareVisitor:
        """Raises NotFound, or ShareLocked while the visitor has not said the link's password."""
        ...

    async def visitor(self, share: ShareId) -> ShareVisitor | None:
        """None once the share is revoked or over: asked before each playlist that a visitor's grant opens."""
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
    """Who comes by a link is its visitor, signed in or not. Raises Unauthenticated, NotFound, ShareLocked."""
    if token is None:
        return Member((await require_caller(request, credentials)).account_id)
    return await require_visitor(request, token, proof)


async def require_visitor(request: Request, token: ShareToken = None, proof: ShareProof = None) -> ShareVisitor:
    """Raises NotFound, also without a link, and ShareLocked."""
    if token is None:
        raise NotFound
    shares: Shares = request.state.shares
    return await shares.open(token, proof)


async def viewer_named(request: Request, name: str) -> Viewer | None:
    """Whom a grant was given to; None for a share that opens nothing any more."""
    if name.startswith(ACCOUNT_PREFIX):
        return Member(AccountId(name))
    shares: Shares = request.state.shares
    return await shares.visitor(ShareId(name))


Viewing = Annotated[Viewer, Depends(require_viewer)]
Visiting = Annotated[ShareVisitor, Depends(require_visitor)]
