"""What the slice's parts hand to each other."""

from dataclasses import dataclass
from datetime import datetime

from shared.accounts import Account, Session
from shared.ids import AccountId, SessionId


@dataclass(frozen=True, slots=True)
class AccountRow:
    id: AccountId
    email: str
    administrator: bool
    created_at: datetime
    name: str | None = None

    @property
    def display_name(self) -> str:
        """What others see: never the address."""
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
        return Session(
            id=self.id, label=self.label, created_at=self.created_at, expires_at=self.expires_at, current=current
        )


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account and what its password is compared with."""

    account: AccountRow
    password_hash: str


@dataclass(frozen=True, slots=True)
class KnownSession:
    """Who a token belongs to, until `expires_at`: whoever reads this compares it with the time."""

    id: SessionId
    account_id: AccountId
    administrator: bool
    expires_at: datetime
