"""Identify the caller: the dependency of every protected route, in a layer below all capabilities."""

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from darkroom_shared.ids import AccountId, SessionId
from darkroom_shared.problems import Forbidden, Unauthenticated

_bearer = HTTPBearer(auto_error=False, description="An opaque session token from POST /v1/sessions.")


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    account_id: AccountId
    session_id: SessionId
    administrator: bool


class Authenticator(Protocol):
    """The interface that `accounts` provides as `request.state.authenticator`."""

    async def authenticate(self, token: str) -> CallerIdentity | None:
        """Return the caller, or None if no valid session has this token."""
        ...

    async def is_session_alive(self, session: SessionId) -> bool: ...


Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def require_caller(request: Request, credentials: Credentials) -> CallerIdentity:
    """Return the caller. Raises Unauthenticated."""
    authenticator: Authenticator = request.state.authenticator
    caller = await authenticator.authenticate(credentials.credentials) if credentials else None
    if caller is None:
        raise Unauthenticated
    return caller


Caller = Annotated[CallerIdentity, Depends(require_caller)]


async def require_administrator(caller: Caller) -> CallerIdentity:
    """Return the caller if it is an administrator. Raises Unauthenticated, Forbidden."""
    if not caller.administrator:
        raise Forbidden
    return caller


Administrator = Annotated[CallerIdentity, Depends(require_administrator)]
