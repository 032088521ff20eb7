"""The dependency of every protected route: the signed-in caller."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.identity import Authenticator, CallerIdentity
from darkroom_shared.problems import Forbidden, Unauthenticated

_bearer = HTTPBearer(auto_error=False, description="An opaque session token from POST /v1/sessions.")


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
