"""Idempotency-Key: the same request sent again gets the first answer, built again."""

from app.events.requests import RequestKey, fingerprint
from app.items.store import AnsweredRequest, ItemStore
from shared.ids import AccountId, ItemId
from shared.problems import IdempotencyMismatch

__all__ = ["RequestKey", "Requests", "answered", "fingerprint"]


def answered(request: RequestKey | None, item: ItemId, status: int) -> AnsweredRequest | None:
    """What is to be kept of a request that came with a key."""
    return AnsweredRequest(request.key, request.fingerprint, item, status) if request else None


class Requests:
    def __init__(self, store: ItemStore) -> None:
        self._store = store

    async def earlier(self, account: AccountId, request: RequestKey | None) -> AnsweredRequest | None:
        """What was answered under this key. Raises IdempotencyMismatch when that was another request."""
        if request is None:
            return None
        found = await self._store.answered(account, request.key)
        if found is not None and found.fingerprint != request.fingerprint:
            raise IdempotencyMismatch
        return found
