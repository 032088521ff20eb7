"""Idempotency-Key: a repeated request gets the first response, built again."""

from app.items.store import CompletedRequest, ItemStore
from app.request_key import RequestKey
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.problems import IdempotencyMismatch
from darkroom_shared.times import Clock


def completed_request(request: RequestKey | None, item: ItemId, status: int) -> CompletedRequest | None:
    """Return the record to store for a request, or None if it has no key."""
    return CompletedRequest(request.key, request.fingerprint, item, status) if request else None


class Requests:
    """Finds the result of a request that is repeated with the same idempotency key."""

    def __init__(self, store: ItemStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def earlier(self, account: AccountId, request: RequestKey | None) -> CompletedRequest | None:
        """Return the request completed under this key, or None. Raises IdempotencyMismatch if its fingerprint
        differs."""
        if request is None:
            return None
        earlier = await self._store.find_completed(account, request.key, self._clock())
        if earlier is not None and earlier.fingerprint != request.fingerprint:
            raise IdempotencyMismatch
        return earlier
