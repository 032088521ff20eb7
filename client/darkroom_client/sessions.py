"""Accounts and sessions: register, sign in and out, list and revoke."""

from darkroom_client.connection import Connection
from darkroom_shared.accounts import Account, ClosedAccount, Session, SessionPage, SignedIn
from darkroom_shared.ids import SessionId


class Sessions:
    """Available as `client.sessions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def register(self, email: str, password: str) -> Account:
        """Create an account without signing in. Raises AddressTaken, RegistrationClosed, Invalid."""
        body = {"email": email, "password": password}
        return await self._connection.request("POST", "/v1/accounts", Account, body, keyless=True)

    async def sign_in(self, email: str, password: str, *, label: str = "") -> SignedIn:
        """Sign in; later requests of this client carry the new token. Raises Unauthenticated."""
        body = {"email": email, "password": password, "label": label}
        signed_in = await self._connection.request("POST", "/v1/sessions", SignedIn, body, keyless=True)
        self._connection.use_token(signed_in.token)
        return signed_in

    async def sign_out(self) -> None:
        """End the session of this client's token."""
        await self._connection.send("DELETE", "/v1/sessions/current")
        self._connection.use_token(None)

    async def account(self) -> Account:
        """Return the account of this client's token."""
        return await self._connection.request("GET", "/v1/account", Account)

    async def rename(self, name: str | None) -> Account:
        """Set the name that others see instead of the address; None resets it."""
        return await self._connection.request("PATCH", "/v1/account", Account, {"name": name})

    async def close_account(self, password: str) -> ClosedAccount:
        """Erase the account and all its data permanently. Raises Forbidden if the password is wrong."""
        closed = await self._connection.request("DELETE", "/v1/account", ClosedAccount, {"password": password})
        self._connection.use_token(None)
        return closed

    async def list(self) -> tuple[Session, ...]:
        return (await self._connection.request("GET", "/v1/sessions", SessionPage)).sessions

    async def revoke(self, session_id: SessionId) -> None:
        await self._connection.send("DELETE", f"/v1/sessions/{session_id}")

    async def revoke_all(self) -> None:
        """End every session of the account, including this one."""
        await self._connection.send("DELETE", "/v1/sessions")
        self._connection.use_token(None)
