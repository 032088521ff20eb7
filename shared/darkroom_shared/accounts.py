"""Accounts and sessions on the wire."""

from typing import Annotated

from pydantic import EmailStr, Field, SecretStr, StringConstraints

from darkroom_shared.ids import AccountIdField, SessionIdField
from darkroom_shared.times import Moment
from darkroom_shared.wire import Request, Response

Password = Annotated[SecretStr, Field(min_length=10, max_length=256)]
Label = Annotated[str, StringConstraints(max_length=200)]
AccountName = Annotated[
    str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class Register(Request):
    email: EmailStr
    password: Password
    administrator_token: Annotated[SecretStr, Field(max_length=256)] | None = Field(
        default=None, description="From the link for the first administrator: creates that account, and no other."
    )


class Account(Response):
    id: AccountIdField
    email: str
    name: str = Field(default="", description="What others see instead of the address; at first its part before the @.")
    administrator: bool
    created_at: Moment


class EditAccount(Request):
    """Changes only the fields that are sent; null resets the name."""

    name: AccountName | None = None


class CloseAccount(Request):
    password: Annotated[SecretStr, Field(max_length=256)]


class ClosedAccount(Response):
    """A closed account: it cannot sign in any more, and all its data is being erased."""

    id: AccountIdField
    closed_at: Moment


class SignIn(Request):
    email: EmailStr
    password: Annotated[SecretStr, Field(max_length=256)]
    cookie: bool = Field(default=False, description="Respond with a cookie instead of a token in the body.")
    label: Label = Field(default="", description="What the person will recognise this session by.")


class Session(Response):
    id: SessionIdField
    label: str
    created_at: Moment
    expires_at: Moment
    current: bool


class SignedIn(Response):
    session: Session
    account: Account
    token: str | None = Field(description="The bearer token, returned only here; absent if a cookie was requested.")


class SessionPage(Response):
    sessions: tuple[Session, ...]
