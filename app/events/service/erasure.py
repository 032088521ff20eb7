"""Erase an account's event log; each step can be killed and run again."""

from collections.abc import AsyncIterator

from app.events.store.log import EventStore
from darkroom_shared.ids import AccountId


class EventErasure:
    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def close(self, account: AccountId) -> None:
        """Refuse all further events of the account. Idempotent."""
        await self._store.close(account)

    async def count_events(self, account: AccountId) -> int:
        """Return the number of events that the account has had."""
        return (await self._store.head(account)).last

    def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Delete all events; yield their number after each page. Further ones are still refused."""
        return self._store.erase(account)

    async def drop(self, account: AccountId) -> None:
        """Delete the head, the last row of an account."""
        await self._store.drop(account)

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        return {"events": await self._store.count_rows(account)}
