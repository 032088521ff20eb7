"""Verification of the search index against the items' rows while both are in use."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from app.admin.service.verify import Finding
from app.events.store.cursors import CursorStore
from app.events.store.log import EventStore
from app.items.schema.row import ItemRow, captured_key
from app.items.store import ItemStore
from app.pagination import Position
from app.projections import SEARCH
from app.search.store.contents import NOTHING, IndexContents, IndexRows, expected_entries
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.task_group import TaskGroup

PAGE_ACCOUNTS = 50
CONCURRENCY = 8
"""Accounts."""
PAGE_ITEMS = 100
POLLS = 5
POLL_SECONDS = 0.5
"""Seconds between two checks of a difference, which may be a change that the index has not applied yet."""
REPEATS = 5
REPEAT_SECONDS = 2.0
"""Seconds between two attempts at accounts whose index is behind."""


@dataclass(frozen=True, slots=True)
class IndexVerified:
    """`not_compared`: accounts whose index was behind, or whose items changed, at every attempt."""

    findings: tuple[Finding, ...]
    not_compared: tuple[AccountId, ...]


class _Behind(Exception):
    """The index has not applied all events of the log yet."""


class IndexVerification:
    """A concurrent change causes no finding: a difference is read again until the row has not changed meanwhile.

    The order of reads proves it: row, log and cursor, index, row. An index that has applied the log as of after the
    first read has that row or a newer one; if the second read returns the same row, there was no newer one.
    """

    def __init__(self, *, items: ItemStore, events: EventStore, cursors: CursorStore, contents: IndexContents) -> None:
        self._items, self._events, self._cursors, self._contents = items, events, cursors, contents

    async def run(self) -> IndexVerified:
        """Compare page by page. Accounts that a projection is still updating are compared again a few times."""
        findings: list[Finding] = []
        behind: list[AccountId] = []
        last = ""
        while accounts := await self._contents.accounts(last, PAGE_ACCOUNTS):
            last = accounts[-1]
            behind += await self._compare(accounts, findings)
        for _ in range(REPEATS):
            if behind:
                await asyncio.sleep(REPEAT_SECONDS)
                behind = await self._compare(behind, findings)
        return IndexVerified(tuple(findings), tuple(sorted(behind)))

    async def _compare(self, accounts: Sequence[AccountId], findings: list[Finding]) -> list[AccountId]:
        """Add the accounts' inconsistencies to `findings`; return the accounts that cannot be compared yet."""
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
        """Compare one account. Yields nothing for an account that is being erased. Raises _Behind."""
        if (await self._events.head(account)).closing:
            return
        if await self._cursors.get(SEARCH, account) is None:
            if await self._is_left_over(account):
                yield Finding("search", account, "in the search index, which does not follow this account")
            return
        if not await self._has_caught_up(account):
            raise _Behind
        async for key, items in self._differences(account):
            finding = await self._recheck(account, key, items)
            if finding is not None:
                yield finding

    async def _is_left_over(self, account: AccountId) -> bool:
        """Return whether the index has rows without a cursor. Raises _Behind if the cursor is yet to be created."""
        if not await self._contents.has_rows(account):
            raise _Behind
        if await self._cursors.get(SEARCH, account) is not None or (await self._events.head(account)).closing:
            raise _Behind
        return await self._contents.has_rows(account)  # False: it was erased meanwhile

    async def _differences(self, account: AccountId) -> AsyncIterator[tuple[str, set[ItemId]]]:
        """Yield each captured key at which rows and index differ, with its items; newest capture first."""
        before: str | None = None
        while True:
            position = Position(_item_of(before), before) if before is not None else None
            rows, more = await self._items.page(account, captured=True, after=position, limit=PAGE_ITEMS)
            held = await self._contents.page(account, before, PAGE_ITEMS)
            expected = expected_entries(rows)
            # Below the higher of the two page ends, one of the two pages is incomplete.
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
        """Return the finding, or None if the index is right. Raises _Behind if it changes at every poll."""
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
        """Return whether the index has applied all events that the log has now."""
        head = await self._events.head(account)
        cursor = await self._cursors.get(SEARCH, account)
        return cursor is not None and cursor.applied is not None and cursor.applied >= head.last


def _item_of(key: str) -> str:
    """A captured key ends with its item's id."""
    return key.rpartition("#")[2]


def _finding(key: str, expected: IndexRows, held: IndexRows) -> Finding:
    """Return a finding without the words, which are users' private texts."""
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
