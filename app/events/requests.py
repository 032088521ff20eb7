"""Idempotency-Key: what names a request, and which relational ones were answered with what."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.schema import requests
from shared.ids import AccountId
from shared.problems import IdempotencyMismatch
from shared.times import Clock

REQUEST_RETENTION = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What the caller sent as Idempotency-Key, and a digest of route and body that it must always come with."""

    key: str
    fingerprint: str


def fingerprint(route: str, body: bytes) -> str:
    return hashlib.sha256(route.encode() + b"\0" + body).hexdigest()


@dataclass(frozen=True, slots=True)
class CompletedRequest:
    """Enough to build the answer again."""

    resource_id: str
    status: int


class RelationalRequests:
    """Everything happens in the caller's own transaction: effect and answer are there together or not at all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def earlier(
        self, connection: AsyncConnection, account: AccountId, request: RequestKey | None
    ) -> CompletedRequest | None:
        """What was answered under this key. Raises IdempotencyMismatch when that was another request."""
        if request is None:
            return None
        statement = select(requests.c.fingerprint, requests.c.resource_id, requests.c.status).where(
            requests.c.account_id == account,
            requests.c.request_key == request.key,
            requests.c.expires_at > self._clock(),
        )
        rows = (await connection.execute(statement)).first()
        if rows is None:
            return None
        if rows.fingerprint != request.fingerprint:
            raise IdempotencyMismatch
        return CompletedRequest(rows.resource_id, rows.status)

    async def note(
        self, connection: AsyncConnection, account: AccountId, request: RequestKey | None, resource_id: str, status: int
    ) -> None:
        """The transaction ends in Conflict when the key was used meanwhile; then `earlier` tells the first answer."""
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
        """Forgets every answer to the account; says how many those were."""
        return (await connection.execute(delete(requests).where(requests.c.account_id == account))).rowcount

    async def delete_expired(self, connection: AsyncConnection, limit: int) -> int:
        """Removes at most `limit` of those whose time is over; says how many those were."""
        over = select(requests.c.account_id, requests.c.request_key).where(requests.c.expires_at <= self._clock())
        keys = [tuple(row) for row in await connection.execute(over.limit(limit))]
        if keys:
            named = tuple_(requests.c.account_id, requests.c.request_key).in_(keys)
            await connection.execute(delete(requests).where(named, requests.c.expires_at <= self._clock()))
        return len(keys)
