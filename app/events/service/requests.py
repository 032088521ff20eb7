"""The results of completed relational requests, by their Idempotency-Key."""

from datetime import timedelta

from app.events.schema.values import CompletedRequest
from app.events.store.requests import RequestStore
from app.request_key import RequestKey
from app.stores.aurora import AsyncConnection
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import IdempotencyMismatch
from darkroom_shared.times import Clock

REQUEST_RETENTION = timedelta(hours=24)


class RelationalRequests:
    """Runs in the caller's transaction, so the effect and the stored result are committed together or not at all."""

    def __init__(self, *, store: RequestStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def earlier(
        self, connection: AsyncConnection, account: AccountId, request: RequestKey | None
    ) -> CompletedRequest | None:
        """Return the result of the earlier request with this key. Raises IdempotencyMismatch if its digest differs."""
        if request is None:
            return None
        completed = await self._store.get(connection, account, request.key, self._clock())
        if completed is not None and completed.fingerprint != request.fingerprint:
            raise IdempotencyMismatch
        return completed

    async def note(
        self, connection: AsyncConnection, account: AccountId, request: RequestKey | None, resource_id: str, status: int
    ) -> None:
        """Store the result. The transaction raises Conflict if the key was used meanwhile; then retry it."""
        if request is None:
            return
        now = self._clock()
        completed = CompletedRequest(resource_id, status, request.fingerprint)
        await self._store.put(connection, account, request, completed, now=now, expires_at=now + REQUEST_RETENTION)

    async def erase(self, connection: AsyncConnection, account: AccountId) -> int:
        """Delete all results of the account; return their number."""
        return await self._store.erase(connection, account)

    async def delete_expired(self, connection: AsyncConnection, limit: int) -> int:
        """Delete at most `limit` expired results; return their number."""
        return await self._store.delete_expired(connection, self._clock(), limit)
