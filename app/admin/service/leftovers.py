"""Check for leftovers of an account: rows, objects and multipart uploads, of which an erasure must leave none."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.accounts.store.closed import ClosedAccounts, ClosedRow
from app.admin.service.verify import Finding
from app.exports.schema import export_prefix
from app.items.schema.keys import account_prefixes
from app.stores.s3 import ObjectStore
from darkroom_shared.ids import AccountId


@dataclass(frozen=True, slots=True)
class Leftovers:
    """`closed` is the tombstone; None for an account that was not closed or never existed."""

    closed: ClosedRow | None
    findings: tuple[Finding, ...]


class Counted(Protocol):
    """The part of a capability that can count an account's rows."""

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each of its tables."""
        ...


class AccountVerification:
    """Searches all stores for data of one account, for example after it was erased."""

    def __init__(self, *, closed: ClosedAccounts, counted: Sequence[Counted], objects: ObjectStore) -> None:
        self._closed, self._counted, self._objects = closed, counted, objects

    async def run(self, account: AccountId) -> Leftovers:
        """Check all stores, whether there is a tombstone or not. Reads the whole table of receipts."""
        findings = [Finding("left", account, message) async for message in self._left(account)]
        return Leftovers(await self._closed.get(account), tuple(findings))

    async def _left(self, account: AccountId) -> AsyncIterator[str]:
        counts: dict[str, int] = {}
        for counted in self._counted:
            counts |= await counted.count_rows(account)
        for table, count in counts.items():
            if count:
                yield f"{count} rows of {table}"
        for prefix in (*account_prefixes(account), export_prefix(account)):
            stored = [stored.size_bytes async for stored in self._objects.list_objects(prefix)]
            if stored:
                yield f"{len(stored)} objects with {sum(stored)} bytes under {prefix}"
            if uploads := await self._objects.list_multipart_keys(prefix):
                yield f"{len(uploads)} uploads in parts under {prefix}"
