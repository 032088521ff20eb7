"""Build the services of accounts."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TypedDict

from app.accounts.service.accounts import AccountService
from app.accounts.service.closing import ClosingService
from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import Passwords
from app.accounts.service.sessions import SessionService
from app.accounts.store.accounts import AccountStore
from app.accounts.store.closed import LEASE, ClosedAccounts
from app.clients import Clients
from app.events.wiring import EventParts
from app.identity import Authenticator
from app.settings import Settings


class AccountServices(TypedDict):
    """The state of routes."""

    accounts: AccountService
    sessions: SessionService
    closing: ClosingService
    authenticator: Authenticator
    forwarded_hops: int


def open_passwords(stack: AsyncExitStack) -> Passwords:
    """Start the threads that hash passwords. One per process, because it limits how many are hashed at once."""
    passwords = Passwords()
    stack.callback(passwords.close)
    return passwords


def build_accounts(
    *, settings: Settings, clients: Clients, events: EventParts, passwords: Passwords
) -> AccountServices:
    store, cache, clock = AccountStore(clients.database), clients.cache, clients.clock
    attempts = Attempts(clients.signals.limits)
    sessions = SessionService(store=store, cache=cache, passwords=passwords, attempts=attempts, clock=clock)
    return AccountServices(
        accounts=AccountService(
            store=store,
            cache=cache,
            passwords=passwords,
            attempts=attempts,
            registration=settings.registration,
            clock=clock,
            first_account=settings.first_account,
        ),
        sessions=sessions,
        closing=ClosingService(
            store=store, cache=cache, passwords=passwords, attempts=attempts, events=events.log, clock=clock
        ),
        authenticator=sessions,
        forwarded_hops=settings.forwarded_hops,
    )


def build_account_rows(*, clients: Clients) -> AccountStore:
    """Return what counts an account's rows."""
    return AccountStore(clients.database)


def build_closed_accounts(*, clients: Clients, lease: timedelta = LEASE) -> ClosedAccounts:
    """Return the closed accounts, which a worker takes for `lease` to erase them."""
    return ClosedAccounts(database=clients.database, clock=clients.clock, lease=lease)
