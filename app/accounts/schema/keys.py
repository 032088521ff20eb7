"""Cache keys of sessions and accounts, and the type of each value."""

from pydantic import TypeAdapter

from app.accounts.schema.values import AccountRow, KnownSession
from app.cached import ACCOUNT, SESSION
from app.stores.cache.keys import Key
from darkroom_shared.ids import AccountId

_SESSION = SESSION.of_type(TypeAdapter[KnownSession | None](KnownSession | None))
_ACCOUNT = ACCOUNT.of_type(TypeAdapter[AccountRow | None](AccountRow | None))


def session_key(token_hash: str) -> Key[KnownSession | None]:
    return _SESSION.key(token_hash)


def account_key(account: AccountId) -> Key[AccountRow | None]:
    return _ACCOUNT.key(account)
