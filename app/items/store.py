"""DynamoDB store of item rows, their receipts, and completed requests."""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.items.schema.row import ItemRow, digest_key, from_attributes, to_attributes
from app.pagination import Position
from app.stores.dynamo import Action, Condition, Dynamo, Query, Row, put
from app.stores.job_rows import JobRows, JobTable
from app.stores.resources import (
    BY_CAPTURED,
    BY_DIGEST,
    ITEMS_TABLE,
    RECEIPTS_TABLE,
    REQUESTS_TABLE,
)
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ReceiptStep
from darkroom_shared.problems import NotFound
from darkroom_shared.times import from_rfc3339, to_rfc3339

REQUEST_RETENTION = timedelta(hours=24)
RECEIPT_STEPS = 1_000
ROWS_PER_PAGE = 100
_OF_ACCOUNT = {"items": ITEMS_TABLE, "requests": REQUESTS_TABLE}
"""The tables with the account as partition key."""


@dataclass(frozen=True, slots=True)
class CompletedRequest:
    """What is stored of a request with an Idempotency-Key: enough to build its response again."""

    key: str
    fingerprint: str
    item_id: ItemId
    status: int


_ITEMS = JobTable(
    name=ITEMS_TABLE, id_name="item_id", make_id=ItemId, from_attributes=from_attributes, to_attributes=to_attributes
)


class ItemStore(JobRows[ItemRow, ItemId]):
    """The rows of items, receipts and completed requests in DynamoDB."""

    def __init__(self, dynamo: Dynamo) -> None:
        super().__init__(dynamo, _ITEMS)

    async def require(self, account: AccountId, item: ItemId) -> ItemRow:
        """Return the row. Raises NotFound."""
        row = await self.get(account, item)
        if row is None:
            raise NotFound
        return row

    async def write(self, actions: Sequence[Action]) -> None:
        """Write in one transaction. Raises TransactionRefused or TransactionConflict; Refused if it is a single
        action."""
        if len(actions) == 1:
            await self._dynamo.write(actions[0])
        else:
            await self._dynamo.transact(actions, secrets.token_hex(16))

    async def page(
        self, account: AccountId, *, captured: bool, after: Position | None, limit: int
    ) -> tuple[list[ItemRow], bool]:
        """Return rows, newest first, deleted ones included, and whether more follow."""
        start: Row | None = None
        if after is not None:
            start = {"account_id": account, "item_id": after.item_id}
            if captured:
                start["captured_key"] = after.captured_key
        query = Query(
            ITEMS_TABLE,
            Condition("account_id = :account", values={":account": account}),
            index=BY_CAPTURED if captured else None,
            descending=True,
            limit=limit,
            start_after=start,
        )
        page = await self._dynamo.query(query)
        return [from_attributes(row) for row in page.rows], page.more

    async def with_digest(self, account: AccountId, digest: str) -> list[ItemId]:
        """Return candidates: the index is eventually consistent, so the caller must check the row."""
        query = Query(
            ITEMS_TABLE,
            Condition("digest_key = :digest", values={":digest": digest_key(account, digest)}),
            index=BY_DIGEST,
            limit=10,
        )
        page = await self._dynamo.query(query, consistent=False)
        return [ItemId(row["item_id"]) for row in page.rows]

    async def receipt(self, item: ItemId) -> list[ReceiptStep]:
        """Return the first RECEIPT_STEPS steps, oldest first."""
        query = Query(RECEIPTS_TABLE, Condition("item_id = :item", values={":item": item}), limit=RECEIPT_STEPS)
        page = await self._dynamo.query(query)
        return [
            ReceiptStep(
                at=from_rfc3339(row["at"]),
                step=row["step"],
                attempt=row["attempt"],
                seconds=row.get("seconds"),
                details=row.get("details", {}),
            )
            for row in page.rows
        ]

    async def pages_of(self, account: AccountId) -> AsyncIterator[list[ItemRow]]:
        """Yield all rows of the account, deleted ones included. The caller may erase each page before the next."""
        position: Position | None = None
        while True:
            rows, more = await self.page(account, captured=False, after=position, limit=ROWS_PER_PAGE)
            if rows:
                yield rows
                position = Position(rows[-1].item_id)
            if not more:
                return

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Count the account's rows in each table, including receipts whose item is deleted."""
        of_account = Condition("account_id = :account", values={":account": account})
        counts = {name: await self._dynamo.count(Query(table, of_account)) for name, table in _OF_ACCOUNT.items()}
        return counts | {"receipts": sum([owner == account async for owner, _ in self.all_receipts()])}

    async def all_receipts(self) -> AsyncIterator[tuple[AccountId | None, ItemId]]:
        """Yield account and item of every receipt step, for verification. The account is None if an old release wrote
        the step."""
        start: Row | None = None
        while True:
            rows, start = await self._dynamo.scan(RECEIPTS_TABLE, start)
            for row in rows:
                yield row.get("account_id"), ItemId(row["item_id"])
            if start is None:
                return

    async def erase_rows(self, rows: Sequence[ItemRow]) -> None:
        """Delete the rows, even if they have changed since they were read."""
        await self._dynamo.delete_many(ITEMS_TABLE, [row.key for row in rows])

    async def erase_requests(self, account: AccountId) -> AsyncIterator[int]:
        """Delete the account's completed requests. Yields the number per page."""
        of_account = Condition("account_id = :account", values={":account": account})
        query = Query(REQUESTS_TABLE, of_account, limit=ROWS_PER_PAGE)
        while rows := (await self._dynamo.query(query)).rows:
            keys = [{"account_id": account, "request_key": row["request_key"]} for row in rows]
            await self._dynamo.delete_many(REQUESTS_TABLE, keys)
            yield len(keys)

    async def erase_receipt(self, item: ItemId) -> AsyncIterator[int]:
        """Delete the receipt. Yields the number of steps per page."""
        query = Query(RECEIPTS_TABLE, Condition("item_id = :item", values={":item": item}), limit=RECEIPT_STEPS)
        while rows := (await self._dynamo.query(query)).rows:
            keys = [{"item_id": item, "step_key": row["step_key"]} for row in rows]
            await self._dynamo.delete_many(RECEIPTS_TABLE, keys)
            yield len(keys)

    async def find_completed(self, account: AccountId, key: str, now: datetime) -> CompletedRequest | None:
        """Return the request that completed under this key, by a consistent read; None if there is none.

        DynamoDB deletes an expired row days late; until then it does not count.
        """
        row = await self._dynamo.get(REQUESTS_TABLE, {"account_id": account, "request_key": key})
        if row is None or row["expires_at"] <= now.timestamp():
            return None
        return CompletedRequest(key, row["fingerprint"], ItemId(row["item_id"]), row["status"])


def row_action(row: ItemRow) -> Action:
    """Put the whole row; refused if another write came first."""
    return _ITEMS.put(row)


def delete_action(row: ItemRow) -> Action:
    """Delete the row; refused if it has changed since it was read."""
    return _ITEMS.delete(row)


def receipt_action(account: AccountId, item: ItemId, step: ReceiptStep) -> Action:
    """Unconditional: writing the same step of the same moment again changes nothing."""
    at = to_rfc3339(step.at)
    return put(
        RECEIPTS_TABLE,
        {"item_id": item, "step_key": f"{at}#{step.attempt:06d}#{step.step}"},
        {
            "account_id": account,
            "at": at,
            "step": step.step,
            "attempt": step.attempt,
            "seconds": step.seconds,
            "details": step.details or None,
        },
    )


def request_action(account: AccountId, request: CompletedRequest, now: datetime) -> Action:
    """Refused if the key has been used; the stored row then has the response."""
    return put(
        REQUESTS_TABLE,
        {"account_id": account, "request_key": request.key},
        {
            "fingerprint": request.fingerprint,
            "item_id": request.item_id,
            "status": request.status,
            "expires_at": int((now + REQUEST_RETENTION).timestamp()),
        },
        Condition("attribute_not_exists(request_key) OR expires_at <= :now", values={":now": int(now.timestamp())}),
    )
