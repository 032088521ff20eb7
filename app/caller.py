"""Who is asking: the one dependency of every protected route, below all slices because the lowest needs it too."""

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.ids import AccountId, SessionId
from shared.problems import Forbidden, Unauthenticated

_bearer = HTTPBearer(auto_error=False, description="An opaque session token from POST /v1/sessions.")


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    account_id: AccountId
    session_id: SessionId
    administrator: bool


class Authenticator(Protocol):
    """What accounts hand in."""

    async def authenticate(self, token: str) -> CallerIdentity | None:
        """None when no living session has this token."""
        ...

    async def is_session_alive(self, session: SessionId) -> bool: ...


Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def require_caller(request: Request, credentials: Credentials) -> CallerIdentity:
    """Raises Unauthenticated."""
    authenticator: Authenticator = request.state.authenticator
    caller = await authenticator.authenticate(credentials.credentials) if credentials else None
    if caller is None:
        raise Unauthenticated
    return caller


Caller = Annotated[CallerIdentity, Depends(require_caller)]


async def require_administrator(caller: Caller) -> CallerIdentity:
    """Raises Forbidden."""
    if not caller.administrator:
        raise Forbidden
    return caller


Administrator = Annotated[CallerIdentity, Depends(require_administrator)]
