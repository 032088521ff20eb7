"""Build the services of accounts."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

from app.accounts.service.accounts import AccountService
from app.accounts.service.administrator_link import AdministratorLinks
from app.accounts.service.closing import ClosingService
from app.accounts.service.creation import AccountCreation
from app.accounts.service.limits import Attempts
from app.accounts.service.operators import OperatorService
from app.accounts.service.passwords import Passwords
from app.accounts.service.registration import RegistrationService
from app.accounts.service.sessions import SessionService
from app.accounts.store.accounts import AccountStore
from app.accounts.store.administrator_link import AdministratorLinkStore
from app.accounts.store.closed import LEASE, ClosedAccounts
from app.identity import Authenticator
from app.settings import Settings
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from darkroom_shared.times import Clock

if TYPE_CHECKING:  # an operator's command does not load the clients of AWS
    from app.clients import Clients
    from app.events.wiring import EventParts


class AccountServices(TypedDict):
    """The state of routes."""

    accounts: AccountService
    registration: RegistrationService
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
    *, settings: Settings, clients: "Clients", events: "EventParts", passwords: Passwords
) -> AccountServices:
    store, cache, clock = AccountStore(clients.database), clients.cache, clients.clock
    attempts = Attempts(clients.signals.limits)
    sessions = SessionService(store=store, cache=cache, passwords=passwords, attempts=attempts, clock=clock)
    accounts = AccountService(store=store, cache=cache)
    return AccountServices(
        accounts=accounts,
        registration=RegistrationService(
            creation=AccountCreation(accounts=accounts, passwords=passwords, clock=clock),
            store=store,
            attempts=attempts,
            administrator_links=build_administrator_links(
                database=clients.database, cache=cache, passwords=passwords, clock=clock
            ),
            registration=settings.registration,
            first_account=settings.first_account,
        ),
        sessions=sessions,
        closing=ClosingService(
            store=store, cache=cache, passwords=passwords, attempts=attempts, events=events.log, clock=clock
        ),
        authenticator=sessions,
        forwarded_hops=settings.forwarded_hops,
    )


def build_operator(*, database: Database, cache: Cache, passwords: Passwords, clock: Clock) -> OperatorService:
    """Return what an operator's command uses, which has no clients of a server."""
    store = AccountStore(database)
    creation = AccountCreation(accounts=AccountService(store=store, cache=cache), passwords=passwords, clock=clock)
    return OperatorService(creation=creation, store=store, cache=cache, passwords=passwords)


def build_administrator_links(
    *, database: Database, cache: Cache, passwords: Passwords, clock: Clock
) -> AdministratorLinks:
    """Return what issues and redeems the link for the first administrator."""
    return AdministratorLinks(
        links=AdministratorLinkStore(database),
        accounts=AccountStore(database),
        cache=cache,
        passwords=passwords,
        clock=clock,
    )


def build_account_rows(*, clients: "Clients") -> AccountStore:
    """Return what counts an account's rows."""
    return AccountStore(clients.database)


def build_closed_accounts(*, clients: "Clients", lease: timedelta = LEASE) -> ClosedAccounts:
    """Return the closed accounts, which a worker takes for `lease` to erase them."""
    return ClosedAccounts(database=clients.database, clock=clients.clock, lease=lease)
