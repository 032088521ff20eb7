"""Values that the modules of this capability exchange."""

from dataclasses import dataclass
from datetime import datetime

from darkroom_shared.accounts import Account, Session
from darkroom_shared.ids import AccountId, SessionId


def normalised(email: str) -> str:
    """Return the form in which addresses are stored and compared. Mail servers ignore case, so it is lower case."""
    return email.strip().lower()


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account without its password hash. `name` is None until the user chooses one."""

    id: AccountId
    email: str
    administrator: bool
    created_at: datetime
    name: str | None = None

    @property
    def display_name(self) -> str:
        """The name that other users see; never the whole address."""
        return self.name or self.email.partition("@")[0]

    def to_wire(self) -> Account:
        return Account(
            id=self.id,
            email=self.email,
            name=self.display_name,
            administrator=self.administrator,
            created_at=self.created_at,
        )


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: SessionId
    account_id: AccountId
    label: str
    created_at: datetime
    expires_at: datetime

    def to_wire(self, *, current: bool) -> Session:
        """`current`: whether the request that lists the sessions uses this one."""
        return Session(
            id=self.id, label=self.label, created_at=self.created_at, expires_at=self.expires_at, current=current
        )


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account and its password hash."""

    account: AccountRow
    password_hash: str


@dataclass(frozen=True, slots=True)
class KnownSession:
    """The owner of a token until `expires_at`. The caller must compare it with the current time."""

    id: SessionId
    account_id: AccountId
    administrator: bool
    expires_at: datetime
