"""Idempotency-Key: the same request sent again gets the first answer, built again."""

from app.events.requests import RequestKey, fingerprint
from app.items.store import CompletedRequest, ItemStore
from shared.ids import AccountId, ItemId
from shared.problems import IdempotencyMismatch

__all__ = ["RequestKey", "Requests", "completed_request", "fingerprint"]


def completed_request(request: RequestKey | None, item: ItemId, status: int) -> CompletedRequest | None:
    """What is to be kept of a request that came with a key."""
    return CompletedRequest(request.key, request.fingerprint, item, status) if request else None


class Requests:
    def __init__(self, store: ItemStore) -> None:
        self._store = store

    async def earlier(self, account: AccountId, request: RequestKey | None) -> CompletedRequest | None:
        """What was answered under this key. Raises IdempotencyMismatch when that was another request."""
        if request is None:
            return None
        earlier = await self._store.find_completed(account, request.key)
        if earlier is not None and earlier.fingerprint != request.fingerprint:
            raise IdempotencyMismatch
        return earlier
