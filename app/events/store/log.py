"""The rows of the event log in DynamoDB: one head per account (number 0) and its events."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.jobs.lease import is_held
from app.stores.dynamo import (
    Action,
    Condition,
    Dynamo,
    Query,
    Row,
    delete,
    put,
    update,
)
from app.stores.leases import DynamoLease
from app.stores.resources import BEHIND, EVENTS_TABLE, shard_of
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import AccountId
from darkroom_shared.times import from_rfc3339, to_rfc3339

RETENTION = timedelta(days=30)
PAGE_EVENTS = 500
PAGE_HEADS = 100


@dataclass(frozen=True, slots=True)
class Head:
    """The state of an account's log: last number, counters, relay and announcement."""

    last: int = 0
    relayed: int = 0
    item_count: int = 0
    bytes_used: int = 0
    behind_since: str | None = None
    appender: str | None = None
    appending_until: str | None = None
    closing: bool = False
    """The account is being erased: appends are refused."""

    @property
    def is_behind(self) -> bool:
        """Return whether events are to be relayed."""
        return not self.closing and self.relayed < self.last

    def is_announced_by_other(self, process: str, now: datetime) -> bool:
        """Return whether another process has announced a large batch."""
        until = from_rfc3339(self.appending_until) if self.appending_until else None
        return self.appender != process and is_held(until, now)


@dataclass(frozen=True, slots=True)
class LogPage:
    """Consecutive events of a log, oldest first, and whether more may follow."""

    events: list[Event]
    more: bool


class EventStore:
    """Reads are consistent, except those of the relay's index. Numbers of an account's events have no gaps."""

    def __init__(self, dynamo: Dynamo) -> None:
        self._dynamo = dynamo
        self._relaying = DynamoLease(dynamo, EVENTS_TABLE, "relaying_until")

    async def head(self, account: AccountId) -> Head:
        """Return the head; it is empty for an account without events."""
        return _head(await self._dynamo.get(EVENTS_TABLE, _key(account, 0)) or {})

    async def heads(self, accounts: Sequence[AccountId]) -> dict[AccountId, Head]:
        """Return the existing heads by consistent reads."""
        rows = await self._dynamo.get_many(EVENTS_TABLE, [_key(account, 0) for account in accounts])
        return {AccountId(row["account_id"]): _head(row) for row in rows}

    async def after(self, account: AccountId, number: int, *, now: datetime, limit: int = PAGE_EVENTS) -> LogPage:
        """Return at most `limit` events after `number`, without those that are older than 30 days.

        There may be fewer although more follow: DynamoDB ends a page at 1 MB. There is none only at the log's end.
        """
        rows = limit
        while True:
            page = await self._dynamo.query(_rows_after(account, number, rows))
            events = [_event(row) for row in page.rows if row["expires_at"] > now.timestamp()]
            if events or not page.more:
                return LogPage(events[:limit], page.more or len(events) > limit)
            # DynamoDB removes expired rows days late, and a page of them costs as much as one of others.
            number, rows = await self._last_expired(account, page.rows[-1]["number"], now), PAGE_EVENTS

    async def _last_expired(self, account: AccountId, expired: int, now: datetime) -> int:
        """Return the number of a row that has expired, less than a page before the first one that has not.

        Rows expire in the order of their numbers, so the boundary is found by bisection, in a read for each bit.
        """
        valid = (await self.head(account)).last + 1
        while valid - expired > PAGE_EVENTS:
            middle = (expired + valid) // 2
            row = await self._dynamo.get(EVENTS_TABLE, _key(account, middle))
            if row is None or row["expires_at"] <= now.timestamp():
                expired = middle
            else:
                valid = middle
        return expired

    async def announce(self, account: AccountId, head: Head, process: str, *, now: datetime, until: datetime) -> Head:
        """Announce a large batch; return the new head. The next append removes the announcement.

        Raises Refused or TransactionConflict if another process appends or has an announcement.
        """
        condition = Condition(
            "#last = :before AND (attribute_not_exists(appending_until) OR appending_until <= :now)",
            {"#last": "last"},
            {":before": head.last, ":now": to_rfc3339(now), ":process": process, ":until": to_rfc3339(until)},
        )
        expression = "SET appender = :process, appending_until = :until"
        await self._dynamo.write(update(EVENTS_TABLE, _key(account, 0), expression, condition))
        return replace(head, appender=process, appending_until=to_rfc3339(until))

    async def behind(self, shard: str) -> AsyncIterator[list[AccountId]]:
        """Yield candidates for the relay page by page: accounts with events not relayed, longest waiting first."""
        condition, start = Condition("behind_shard = :shard", values={":shard": shard}), None
        while True:
            query = Query(EVENTS_TABLE, condition, index=BEHIND, limit=PAGE_HEADS, start_after=start)
            page = await self._dynamo.query(query, consistent=False)
            yield [AccountId(row["account_id"]) for row in page.rows]
            if not page.more:
                return
            start = {name: page.rows[-1][name] for name in ("account_id", "number", "behind_shard", "behind_since")}

    async def lease_relay(self, account: AccountId, *, now: datetime, until: datetime) -> bool:
        """Lease the relay of the account. Returns False if another process holds it."""
        return await self._relaying.take(_key(account, 0), now, until)

    async def release_relay(self, account: AccountId, *, until: datetime) -> None:
        """Release the lease that ends at `until`; does nothing if another process holds the lease now."""
        await self._relaying.release(_key(account, 0), until)

    async def late(self, shard: str, since: datetime) -> int:
        """Return the number of the shard's accounts that have waited for the relay since before `since`."""
        query = Query(
            EVENTS_TABLE,
            Condition(
                "behind_shard = :shard AND behind_since <= :since",
                values={":shard": shard, ":since": to_rfc3339(since)},
            ),
            index=BEHIND,
        )
        return len((await self._dynamo.query(query, consistent=False)).rows)

    async def record_relayed(self, account: AccountId, number: int, *, until: datetime, finished: bool) -> None:
        """Record that all events up to `number` are relayed, and release the lease that ends at `until`.

        `finished`: `number` is the last event. Raises Refused if that is wrong, if `number` is not above the recorded
        one, or if another process holds the lease now.
        """
        expression = "SET relayed = :number REMOVE relaying_until"
        condition = "relaying_until = :until AND "
        if finished:
            expression += ", behind_shard, behind_since"
            condition += "#last = :number"
        else:
            condition += "relayed < :number AND #last > :number"
        values = {":number": number, ":until": to_rfc3339(until)}
        await self._dynamo.write(
            update(EVENTS_TABLE, _key(account, 0), expression, Condition(condition, {"#last": "last"}, values))
        )

    async def close(self, account: AccountId) -> None:
        """Refuse all further appends, and never relay the pending events. Idempotent."""
        expression = "SET closing = :yes REMOVE behind_shard, behind_since, relaying_until, appender, appending_until"
        await self._dynamo.write(
            update(EVENTS_TABLE, _key(account, 0), expression, Condition("", values={":yes": True}))
        )

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Delete all events; yield their number after each page. The head stays, so that appends are still refused.

        Resumes after a crash.
        """
        query = _rows_after(account, 0, PAGE_EVENTS)
        while rows := (await self._dynamo.query(query)).rows:
            await self._dynamo.delete_many(EVENTS_TABLE, [_key(account, row["number"]) for row in rows])
            yield len(rows)

    async def count_rows(self, account: AccountId) -> int:
        """Return the number of rows, including the head."""
        query = Query(EVENTS_TABLE, Condition("account_id = :account", values={":account": account}))
        return await self._dynamo.count(query)

    async def drop(self, account: AccountId) -> None:
        """Delete the head, the last row of an account."""
        await self._dynamo.write(delete(EVENTS_TABLE, _key(account, 0)))


def head_action(account: AccountId, head: Head, new_head: Head, *, now: datetime) -> Action:
    """Return the action that moves the head. It is refused if another process has appended, changed a counter or
    announced a batch since `head` was read, and always once the account is closing. Only new events make the account
    due for the relay, not counters alone."""
    values: dict[str, int | str] = {
        ":last": new_head.last,
        ":items": new_head.item_count,
        ":bytes": new_head.bytes_used,
        ":before": head.last,
        ":items_before": head.item_count,
        ":bytes_before": head.bytes_used,
        ":zero": 0,
    }
    condition = "#last = :before AND item_count = :items_before AND bytes_used = :bytes_before"
    if not head.last:  # absent, or counters without an event
        condition = f"(attribute_not_exists(#last) OR ({condition}))"
    if head.appender:
        condition += " AND appender = :appender"
        values[":appender"] = head.appender
    else:
        condition += " AND attribute_not_exists(appender)"
    condition += " AND attribute_not_exists(closing)"
    expression = "SET #last = :last, item_count = :items, bytes_used = :bytes, relayed = if_not_exists(relayed, :zero)"
    if new_head.last > head.last:
        expression += ", behind_shard = :shard, behind_since = if_not_exists(behind_since, :now)"
        values |= {":shard": shard_of(account), ":now": to_rfc3339(now)}
    expression += " REMOVE appender, appending_until"
    return update(EVENTS_TABLE, _key(account, 0), expression, Condition(condition, {"#last": "last"}, values))


def event_action(account: AccountId, event: Event) -> Action:
    """Return the action that puts the event. It needs no condition: the head's action decides about the number."""
    return put(
        EVENTS_TABLE,
        _key(account, event.number),
        {
            "type": event.type.value,
            "at": to_rfc3339(event.at),
            "subject": event.subject,
            "data": json.dumps(event.data, separators=(",", ":"), ensure_ascii=False),
            "expires_at": int((event.at + RETENTION).timestamp()),
        },
    )


def _rows_after(account: AccountId, number: int, limit: int) -> Query:
    condition = Condition(
        "account_id = :account AND #number > :number", {"#number": "number"}, {":account": account, ":number": number}
    )
    return Query(EVENTS_TABLE, condition, limit=limit)


def _key(account: AccountId, number: int) -> Row:
    return {"account_id": account, "number": number}


def _head(row: Row) -> Head:
    return Head(
        last=row.get("last", 0),
        relayed=row.get("relayed", 0),
        item_count=row.get("item_count", 0),
        bytes_used=row.get("bytes_used", 0),
        behind_since=row.get("behind_since"),
        appender=row.get("appender"),
        appending_until=row.get("appending_until"),
        closing=row.get("closing", False),
    )


def _event(row: Row) -> Event:
    return Event(
        number=row["number"],
        type=EventType(row["type"]),
        at=from_rfc3339(row["at"]),
        subject=row["subject"],
        data=json.loads(row["data"]),
    )
