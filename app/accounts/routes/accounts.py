"""HTTP routes of accounts and sessions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security.utils import get_authorization_scheme_param

from app.accounts.routes.session_cookie import CookieName, clear_session_cookie, set_session_cookie
from app.accounts.service.accounts import AccountService
from app.accounts.service.closing import ClosingService
from app.accounts.service.registration import RegistrationService
from app.accounts.service.sessions import SessionService
from app.http.caller import Caller
from app.http.client_address import ClientAddress
from app.http.dependencies import forbid_storing, from_state
from app.http.idempotency import refuse_key
from darkroom_shared.accounts import (
    Account,
    CloseAccount,
    ClosedAccount,
    EditAccount,
    Register,
    SessionPage,
    SignedIn,
    SignIn,
)
from darkroom_shared.ids import SessionIdField
from darkroom_shared.problems import Invalid


def _presented_token(request: Request) -> str | None:
    """Return the bearer token of the request, valid or not. It is optional here."""
    scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    return token if scheme.lower() == "bearer" and token else None


router = APIRouter(tags=["accounts"], dependencies=[Depends(refuse_key), Depends(forbid_storing)])

Accounts = Annotated[AccountService, from_state("accounts", AccountService)]
Registrations = Annotated[RegistrationService, from_state("registration", RegistrationService)]
Sessions = Annotated[SessionService, from_state("sessions", SessionService)]
Closing = Annotated[ClosingService, from_state("closing", ClosingService)]
PresentedToken = Annotated[str | None, Depends(_presented_token)]


@router.post("/accounts", status_code=201)
async def register(body: Register, client: ClientAddress, registration: Registrations) -> Account:
    """Create an account if registration is open. The first account becomes the administrator.

    With `administrator_token` it creates the first account even if registration is closed.
    """
    password = body.password.get_secret_value()
    if body.administrator_token is None:
        return await registration.register(body.email, password, client=client)
    token = body.administrator_token.get_secret_value()
    return await registration.register_administrator(token, body.email, password, client=client)


@router.get("/account")
async def get_account(caller: Caller, accounts: Accounts) -> Account:
    """Return the caller's account."""
    return await accounts.require(caller.account_id)


@router.patch("/account")
async def edit_account(body: EditAccount, caller: Caller, accounts: Accounts) -> Account:
    """Set the name that other users see."""
    if not body.model_fields_set:
        raise Invalid(errors=[{"field": "", "message": "name at least one field to change"}])
    return await accounts.rename(caller.account_id, body.name)


@router.delete("/account", status_code=202)
async def close_account(
    body: CloseAccount,
    caller: Caller,
    client: ClientAddress,
    closing: Closing,
    cookie: CookieName,
    response: Response,
) -> ClosedAccount:
    """Close the account and erase all its data. It cannot be restored. All sessions end at once."""
    closed = await closing.close(caller.account_id, body.password.get_secret_value(), client=client)
    clear_session_cookie(response, cookie)
    return closed


@router.post("/sessions", status_code=201)
async def sign_in(
    body: SignIn,
    client: ClientAddress,
    presented: PresentedToken,
    cookie: CookieName,
    response: Response,
    sessions: Sessions,
) -> SignedIn:
    """Start a session and end the one whose token the request carries. Only this response contains the new token."""
    new = await sessions.sign_in(
        body.email,
        body.password.get_secret_value(),
        label=body.label,
        client=client,
        presented=presented,
    )
    if body.cookie:
        set_session_cookie(response, cookie, new.token)
    return SignedIn(session=new.session, account=new.account, token=None if body.cookie else new.token)


@router.get("/sessions")
async def list_sessions(caller: Caller, sessions: Sessions) -> SessionPage:
    """List the valid sessions, newest first."""
    return SessionPage(sessions=await sessions.list(caller))


@router.delete("/sessions", status_code=204)
async def end_all_sessions(caller: Caller, sessions: Sessions, cookie: CookieName, response: Response) -> None:
    """End all sessions of the account, including the current one."""
    await sessions.end_all(caller.account_id)
    clear_session_cookie(response, cookie)


@router.delete("/sessions/current", status_code=204)
async def sign_out(caller: Caller, sessions: Sessions, cookie: CookieName, response: Response) -> None:
    """End the current session."""
    await sessions.end(caller.account_id, caller.session_id)
    clear_session_cookie(response, cookie)


@router.delete("/sessions/{session}", status_code=204)
async def end_session(
    session: SessionIdField, caller: Caller, sessions: Sessions, cookie: CookieName, response: Response
) -> None:
    """End one session, for example that of a lost phone."""
    await sessions.end(caller.account_id, session)
    if session == caller.session_id:
        clear_session_cookie(response, cookie)
