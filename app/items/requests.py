"""Idempotency-Key: the same request sent again gets the first answer, built again."""

import hashlib
from dataclasses import dataclass

from app.items.store import AnsweredRequest, ItemStore
from shared.ids import AccountId, ItemId
from shared.problems import IdempotencyMismatch


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What the caller sent as Idempotency-Key, and a digest of route and body that it must always come with."""

    key: str
    fingerprint: str

    def answered(self, item: ItemId, status: int) -> AnsweredRequest:
        return AnsweredRequest(self.key, self.fingerprint, item, status)


def fingerprint(route: str, body: bytes) -> str:
    return hashlib.sha256(route.encode() + b"\0" + body).hexdigest()


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
