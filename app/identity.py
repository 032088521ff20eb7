"""The identity of a request: a signed-in caller, or the viewer of an item, and the interfaces that resolve them.

Services and stores import this module; `app/http` has the FastAPI dependencies.
"""

from dataclasses import dataclass
from typing import Protocol

from darkroom_shared.ids import AccountId, AlbumId, SessionId, ShareId


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The account and the session of a request with a valid token."""

    account_id: AccountId
    session_id: SessionId
    administrator: bool


class Authenticator(Protocol):
    """The interface that `accounts` provides as `request.state.authenticator`."""

    async def authenticate(self, token: str) -> CallerIdentity | None:
        """Return the caller, or None if no valid session has this token."""
        ...

    async def is_session_alive(self, session: SessionId) -> bool:
        """Return whether the session is still valid. Called repeatedly while a stream is open."""
        ...


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
    """The interface that `share_links` provides as `request.state.shares`."""

    async def open(self, token: str, proof: str | None) -> ShareVisitor:
        """Return the visitor. Raises NotFound, or ShareLocked if the link has a password that the visitor has not
        entered."""
        ...

    async def visitor(self, share: ShareId) -> ShareVisitor | None:
        """Return the visitor, or None if the share is revoked or expired. Called before each playlist that a
        visitor's grant opens."""
        ...
