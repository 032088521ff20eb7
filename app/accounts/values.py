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

    def shown(self) -> Account:
        return Account(id=self.id, email=self.email, administrator=self.administrator, created_at=self.created_at)


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: SessionId
    account_id: AccountId
    label: str
    created_at: datetime
    expires_at: datetime

    def shown(self, *, current: bool) -> Session:
        return Session(
            id=self.id, label=self.label, created_at=self.created_at, expires_at=self.expires_at, current=current
        )


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account and what its password is compared with."""

    account: AccountRow
    password_hash: str


@dataclass(frozen=True, slots=True)
class LivingSession:
    """Who a token belongs to."""

    id: SessionId
    account_id: AccountId
    administrator: bool
    expires_at: datetime
