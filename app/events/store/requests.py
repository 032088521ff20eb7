"""SQL statements for the results of completed relational requests."""

from datetime import datetime

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.schema.tables import requests
from app.events.schema.values import CompletedRequest
from app.request_key import RequestKey
from darkroom_shared.ids import AccountId


class RequestStore:
    """Each method is one step of the caller's transaction."""

    async def get(
        self, connection: AsyncConnection, account: AccountId, key: str, now: datetime
    ) -> CompletedRequest | None:
        """Return None if no request with this key has completed, or if its result has expired."""
        statement = select(requests.c.resource_id, requests.c.status, requests.c.fingerprint).where(
            requests.c.account_id == account, requests.c.request_key == key, requests.c.expires_at > now
        )
        row = (await connection.execute(statement)).first()
        return CompletedRequest(*row) if row else None

    async def put(
        self,
        connection: AsyncConnection,
        account: AccountId,
        request: RequestKey,
        completed: CompletedRequest,
        *,
        now: datetime,
        expires_at: datetime,
    ) -> None:
        """Replace an expired result. Raises Conflict at the end of the transaction if one is stored."""
        await connection.execute(
            delete(requests).where(
                requests.c.account_id == account, requests.c.request_key == request.key, requests.c.expires_at <= now
            )
        )
        await connection.execute(
            insert(requests).values(
                account_id=account,
                request_key=request.key,
                fingerprint=completed.fingerprint,
                resource_id=completed.resource_id,
                status=completed.status,
                expires_at=expires_at,
            )
        )

    async def erase(self, connection: AsyncConnection, account: AccountId) -> int:
        """Delete all results of the account; return their number."""
        return (await connection.execute(delete(requests).where(requests.c.account_id == account))).rowcount

    async def delete_expired(self, connection: AsyncConnection, now: datetime, limit: int) -> int:
        """Delete at most `limit` expired results; return their number."""
        expired = select(requests.c.account_id, requests.c.request_key).where(requests.c.expires_at <= now)
        keys = [tuple(row) for row in await connection.execute(expired.limit(limit))]
        if keys:
            named = tuple_(requests.c.account_id, requests.c.request_key).in_(keys)
            await connection.execute(delete(requests).where(named, requests.c.expires_at <= now))
        return len(keys)
