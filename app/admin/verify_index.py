"""Checks that the search index is what the items' rows make of it, while both are in use."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from app.admin.verify import Finding
from app.events.cursors import CursorStore
from app.events.store import EventStore
from app.items.row import ItemRow, captured_key
from app.items.store import ItemStore, Position
from app.projections import SEARCH
from app.search.contents import NOTHING, Held, IndexContents, expected_entries
from shared.ids import AccountId, ItemId
from shared.task_group import TaskGroup

PAGE_ACCOUNTS = 50
CONCURRENCY = 8
"""Accounts."""
PAGE_ITEMS = 100
POLLS = 5
POLL_SECONDS = 0.5
"""Between two looks at something that seems wrong, as it does while the index follows a change."""
REPEATS = 5
ROUND_SECONDS = 2.0
"""Between two tries at accounts whose index is behind."""


@dataclass(frozen=True, slots=True)
class IndexVerified:
    """`not_compared`: accounts whose index was behind, or that changed, all the time."""

    findings: tuple[Finding, ...]
    not_compared: tuple[AccountId, ...]


class _Behind(Exception):
    """The index does not yet know all that the log has."""


class IndexVerification:
    """Nothing that only moves while it looks is a finding: what differs is read again, until it stood still.

    Once the index has applied all that the log had after the row was read, it knows that row or a newer one; and
    when the row is the same after the index was read, it was no newer one.
    """

    def __init__(self, items: ItemStore, events: EventStore, cursors: CursorStore, contents: IndexContents) -> None:
        self._items, self._events, self._cursors, self._contents = items, events, cursors, contents

    async def run(self) -> IndexVerified:
        findings: list[Finding] = []
        behind: list[AccountId] = []
        last = ""
        while accounts := await self._contents.accounts(last, PAGE_ACCOUNTS):
            last = accounts[-1]
            behind += await self._compare(accounts, findings)
        for _ in range(REPEATS):
            if behind:
                await asyncio.sleep(ROUND_SECONDS)
                behind = await self._compare(behind, findings)
        return IndexVerified(tuple(findings), tuple(sorted(behind)))

    async def _compare(self, accounts: Sequence[AccountId], findings: list[Finding]) -> list[AccountId]:
        """Adds what is wrong with them to the findings; says with which of them that cannot be told yet."""
        semaphore = asyncio.Semaphore(CONCURRENCY)
        behind: list[AccountId] = []

        async def compare(account: AccountId) -> None:
            async with semaphore:
                try:
                    findings.extend([finding async for finding in self._account(account)])
                except _Behind:
                    behind.append(account)

        async with TaskGroup() as tasks:
            for account in accounts:
                tasks.create_task(compare(account))
        return behind

    async def _account(self, account: AccountId) -> AsyncIterator[Finding]:
        """Raises _Behind. Nothing of an account that is being erased."""
        if (await self._events.head(account)).closing:
            return
        if await self._cursors.get(SEARCH, account) is None:
            if await self._is_left_over(account):
                yield Finding("search", account, "in the search index, which does not follow this account")
            return
        if not await self._has_caught_up(account):
            raise _Behind
        async for key, items in self._suspects(account):
            finding = await self._recheck(account, key, items)
            if finding is not None:
                yield finding

    async def _is_left_over(self, account: AccountId) -> bool:
        """Whether something is in the index although there is no cursor. Raises _Behind for who is yet to get one."""
        if not await self._contents.holds(account):
            raise _Behind
        if await self._cursors.get(SEARCH, account) is not None or (await self._events.head(account)).closing:
            raise _Behind
        return await self._contents.holds(account)  # else it was erased meanwhile

    async def _suspects(self, account: AccountId) -> AsyncIterator[tuple[str, set[ItemId]]]:
        """Captured keys under which rows and index differ, and whose they are; from the newest capture on."""
        before: str | None = None
        while True:
            position = Position(_item_of(before), before) if before is not None else None
            rows, more = await self._items.page(account, captured=True, after=position, limit=PAGE_ITEMS)
            held = await self._contents.page(account, before, PAGE_ITEMS)
            expected = expected_entries(rows)
            # Below the higher of the two ends, one of them has more than its page shows.
            ends = [captured_key(rows[-1])] if more and rows else []
            ends += [min(held)] if len(held) == PAGE_ITEMS else []
            before = max(ends, default=None)
            for key in expected.keys() | held.keys():
                differs = expected.get(key, NOTHING) != held.get(key, NOTHING)
                if differs and (before is None or key >= before):
                    yield key, {item for item, _ in expected.get(key, NOTHING) | held.get(key, NOTHING)}
            if before is None:
                return

    async def _recheck(self, account: AccountId, key: str, items: Iterable[ItemId]) -> Finding | None:
        """None when it is well. Raises _Behind when it never stands still."""
        for _ in range(POLLS):
            rows = await self._rows(account, items)
            if await self._has_caught_up(account):
                held = await self._contents.at(account, key)
                expected = expected_entries(rows).get(key, NOTHING)
                if held == expected:
                    return None
                if await self._rows(account, items) == rows:
                    return _finding(key, expected, held)
            await asyncio.sleep(POLL_SECONDS)
        raise _Behind

    async def _rows(self, account: AccountId, items: Iterable[ItemId]) -> list[ItemRow]:
        rows = await self._items.get_many([(account, item) for item in items])
        return sorted(rows, key=lambda row: row.item_id)

    async def _has_caught_up(self, account: AccountId) -> bool:
        """Whether the index knows all that the log has at this moment."""
        head = await self._events.head(account)
        cursor = await self._cursors.get(SEARCH, account)
        return cursor is not None and cursor.applied is not None and cursor.applied >= head.last


def _item_of(key: str) -> str:
    """A captured key ends with its item's id."""
    return key.rpartition("#")[2]


def _finding(key: str, expected: Held, held: Held) -> Finding:
    """Without any word: they are what people wrote."""
    item = min(item for item, _ in expected or held)
    if not held:
        return Finding("search", item, f"not in the search index, where it belongs under {key}")
    if not expected:
        return Finding("search", item, f"in the search index under {key}, where nothing belongs")
    return Finding(
        "search",
        item,
        f"under {key} the search index lacks {len(expected - held)} of its rows and has {len(held - expected)} others",
    )
