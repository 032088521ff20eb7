"""The results of completed relational requests, by their Idempotency-Key."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.schema.tables import requests
from app.request_key import RequestKey
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import IdempotencyMismatch
from darkroom_shared.times import Clock

REQUEST_RETENTION = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CompletedRequest:
    """What is needed to build the response again."""

    resource_id: str
    status: int


class RelationalRequests:
    """Runs in the caller's transaction, so the effect and the stored result are committed together or not at all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def earlier(
        self, connection: AsyncConnection, account: AccountId, request: RequestKey | None
    ) -> CompletedRequest | None:
        """Return the result of the earlier request with this key. Raises IdempotencyMismatch if its digest differs."""
        if request is None:
            return None
        statement = select(requests.c.fingerprint, requests.c.resource_id, requests.c.status).where(
            requests.c.account_id == account,
            requests.c.request_key == request.key,
            requests.c.expires_at > self._clock(),
        )
        row = (await connection.execute(statement)).first()
        if row is None:
            return None
        if row.fingerprint != request.fingerprint:
            raise IdempotencyMismatch
        return CompletedRequest(row.resource_id, row.status)

    async def note(
        self, connection: AsyncConnection, account: AccountId, request: RequestKey | None, resource_id: str, status: int
    ) -> None:
        """Store the result. The transaction raises Conflict if the key was used meanwhile; then retry it."""
        if request is None:
            return
        now = self._clock()
        await connection.execute(
            delete(requests).where(
                requests.c.account_id == account,
                requests.c.request_key == request.key,
                requests.c.expires_at <= now,
            )
        )
        await connection.execute(
            insert(requests).values(
                account_id=account,
                request_key=request.key,
                fingerprint=request.fingerprint,
                resource_id=resource_id,
                status=status,
                expires_at=now + REQUEST_RETENTION,
            )
        )

    async def erase(self, connection: AsyncConnection, account: AccountId) -> int:
        """Delete all results of the account; return their number."""
        return (await connection.execute(delete(requests).where(requests.c.account_id == account))).rowcount

    async def delete_expired(self, connection: AsyncConnection, limit: int) -> int:
        """Delete at most `limit` expired results; return their number."""
        over = select(requests.c.account_id, requests.c.request_key).where(requests.c.expires_at <= self._clock())
        keys = [tuple(row) for row in await connection.execute(over.limit(limit))]
        if keys:
            named = tuple_(requests.c.account_id, requests.c.request_key).in_(keys)
            await connection.execute(delete(requests).where(named, requests.c.expires_at <= self._clock()))
        return len(keys)
