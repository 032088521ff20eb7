"""Verification of the stored rows against objects, digests, logs and counters, and a search for orphans."""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.events.store.log import EventStore, Head
from app.items.schema.keys import original_key, playlist_file, prefixes_to_keep, rendition_key, rendition_prefix
from app.items.schema.row import ItemRow
from app.items.service.items import HAVE_ORIGINAL
from app.items.service.playlists import read_playlist
from app.items.store import ItemStore
from app.stores.s3 import ObjectStore, StoredObject
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import AccountId
from darkroom_shared.items import FailureCode, ItemState
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock
from darkroom_shared.uploads import part_size_bytes

CONCURRENCY = 16
VERSIONS_WITHOUT_EXPIRY = "deleted files stay for ever: the bucket has versions, and no rule that expires old ones"


@dataclass(frozen=True, slots=True)
class Finding:
    """An inconsistency. `kind` is a stable identifier, `subject` an id or an S3 key."""

    kind: str
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared, and every difference found."""

    items: int
    accounts: int
    objects: int
    findings: tuple[Finding, ...]
    not_compared: tuple[AccountId, ...] = ()
    """Accounts whose search index was behind during the whole verification."""


class Verification:
    """For an idle service: concurrent changes may cause false findings."""

    def __init__(self, *, items: ItemStore, events: EventStore, objects: ObjectStore, clock: Clock, read: bool) -> None:
        """`read`: also download every original and compare its bytes with the digest."""
        self._items, self._events, self._objects, self._clock, self._read = items, events, objects, clock, read

    async def run(self) -> Verified:
        """Compare the rows, event logs and objects of all accounts. Holds all rows in memory."""
        rows = [row async for row in self._items.all_rows()]
        findings: list[Finding] = []
        semaphore = asyncio.Semaphore(CONCURRENCY)

        async def check(row: ItemRow) -> None:
            async with semaphore:
                findings.extend([finding async for finding in self._item(row)])

        async with TaskGroup() as tasks:
            for row in rows:
                tasks.create_task(check(row))
        by_account: dict[AccountId, list[ItemRow]] = defaultdict(list)
        for row in rows:
            by_account[row.account_id].append(row)
        for account, own in by_account.items():
            findings += [finding async for finding in self._account(account, own)]
        known: dict[str, ItemRow] = {row.item_id: row for row in rows}
        if await self._objects.has_versions_without_expiry():
            findings.append(Finding("bucket", "versions", VERSIONS_WITHOUT_EXPIRY))
        objects, orphans = await self._orphans(known)
        orphans += [finding async for finding in self._orphaned_receipts(known)]
        return Verified(len(rows), len(by_account), objects, tuple(findings + orphans))

    async def _item(self, row: ItemRow) -> AsyncIterator[Finding]:
        key = original_key(row.account_id, row.item_id)
        missing_is_known = row.failure is not None and row.failure.code is FailureCode.ORIGINAL_MISSING
        if row.state in HAVE_ORIGINAL and not missing_is_known:
            for finding in _compared(key, await self._objects.head(key), row.size_bytes, row.digest):
                yield finding
            if self._read and await self._digest_of_bytes(row) != row.digest:
                yield Finding("digest", key, f"its bytes are not those of {row.digest}")
        if row.state is ItemState.READY and row.result is not None:
            for each in row.result.renditions:
                rendition = rendition_key(row.account_id, row.item_id, *row.result.folder_of(each), each.file)
                stored, digest = await self._objects.head(rendition), each.digest or f"sha256:{each.sha256}"
                for finding in _compared(rendition, stored, each.size_bytes, digest):
                    yield finding
            async for finding in self._ladder(row):
                yield finding
        if row.deadline is not None and row.deadline < self._clock():
            yield Finding("deadline", row.item_id, f"{row.state} past its deadline")

    async def _ladder(self, row: ItemRow) -> AsyncIterator[Finding]:
        """Check that the playlists are complete and that every file in them exists."""
        if row.ladder is None:
            return
        prefix = rendition_prefix(row.account_id, row.item_id, row.ladder.recipe, row.ladder.attempt)
        stored_keys = {stored.key async for stored in self._objects.list_objects(prefix)}
        for rung in row.ladder.rungs:
            key = prefix + playlist_file(rung.name)
            named = read_playlist((await self._objects.read(key)).decode()) if key in stored_keys else None
            if named is None or not named.ended:
                yield Finding("playlist", key, "the playlist is not there, or not whole")
                continue
            for file in named.files:
                if prefix + file not in stored_keys:
                    yield Finding("missing", prefix + file, "a playlist names it, and it is not there")

    async def _digest_of_bytes(self, row: ItemRow) -> str:
        with TemporaryDirectory() as folder:
            file = Path(folder, "original")
            await self._objects.download(original_key(row.account_id, row.item_id), file)
            return await asyncio.to_thread(_file_digest, file, row)

    async def _account(self, account: AccountId, rows: list[ItemRow]) -> AsyncIterator[Finding]:
        head = await self._events.head(account)
        events = [event async for event in self._all_events(account)]
        expected = range(head.last - len(events) + 1, head.last + 1)
        if [event.number for event in events] != list(expected):
            yield Finding("log", account, f"its log has a gap, a double, or does not end at {head.last}")
        for finding in _counted(account, head, events, rows):
            yield finding

    async def _all_events(self, account: AccountId) -> AsyncIterator[Event]:
        number = 0
        while events := (await self._events.after(account, number, now=self._clock())).events:
            for event in events:
                yield event
            number = events[-1].number

    async def _orphaned_receipts(self, rows: dict[str, ItemRow]) -> AsyncIterator[Finding]:
        missing = {item async for _, item in self._items.all_receipts() if item not in rows}
        for item in sorted(missing):
            yield Finding("orphan", item, "a receipt without its item")

    async def _orphans(self, rows: dict[str, ItemRow]) -> tuple[int, list[Finding]]:
        """Return the number of objects, and findings for those without an item. An object that the sweeper is due to
        remove is not an orphan."""
        findings, seen = [], 0
        for prefix in ("originals/", "renditions/"):
            async for stored in self._objects.list_objects(prefix):
                seen += 1
                if not _owned(stored.key, rows):
                    findings.append(Finding("orphan", stored.key, "no item owns this object"))
        for prefix in ("originals/", "renditions/"):
            findings += [
                Finding("orphan", key, "an upload in parts that no item waits for")
                for key in await self._objects.list_multipart_keys(prefix)
                if not _awaited(key, rows.get(key.split("/")[2]))
            ]
        return seen, findings


def _compared(key: str, stored: StoredObject | None, size_bytes: int, digest: str | None) -> Iterator[Finding]:
    if stored is None:
        yield Finding("missing", key, "the object is not there")
    elif stored.size_bytes != size_bytes:
        yield Finding("size", key, f"{stored.size_bytes} bytes instead of {size_bytes}")
    elif stored.digest != digest:
        yield Finding("digest", key, f"{stored.digest} instead of {digest}")


def _counted(account: AccountId, head: Head, events: list[Event], rows: list[ItemRow]) -> Iterator[Finding]:
    reserved = sum(row.reserved_bytes for row in rows)
    if head.bytes_used != reserved:
        yield Finding("quota", account, f"{head.bytes_used} bytes noted, {reserved} reserved by its items")
    if head.item_count != len(rows):
        yield Finding("count", account, f"{head.item_count} items noted, {len(rows)} there")
    if events and events[0].number != 1:
        return
    published = Counter((event.subject, event.type) for event in events)
    for row in rows:
        if published[(row.item_id, EventType.ITEM_CREATED)] != 1:
            yield Finding("events", row.item_id, "not exactly one item.created")
        ready = published[(row.item_id, EventType.ITEM_READY)]
        if ready != (1 if ItemState.READY in {row.state, row.state_before} else 0):
            yield Finding("events", row.item_id, f"{ready} times item.ready")


def _awaited(key: str, row: ItemRow | None) -> bool:
    if row is None or row.cleanup_at is not None:
        return row is not None
    if key.startswith("renditions/"):
        return row.state in {ItemState.PROCESSING, ItemState.QUEUED}
    return row.upload_id is not None


def _owned(key: str, rows: dict[str, ItemRow]) -> bool:
    kind, account, item, *_rest = key.split("/")
    row = rows.get(item)
    if row is None or row.account_id != account:
        return False
    if row.cleanup_at is not None or (kind == "originals" and row.state is not ItemState.EXPIRED):
        return True
    if row.state in {ItemState.PROCESSING, ItemState.QUEUED}:
        return True  # of an attempt in progress, or of an earlier one that is cleaned up once the item is final
    return key.startswith(prefixes_to_keep(row))


def _file_digest(file: Path, row: ItemRow) -> str:
    if (row.digest or "").startswith("sha256:"):
        with file.open("rb") as opened:
            return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
    parts, size = [], part_size_bytes(row.size_bytes)
    with file.open("rb") as opened:
        while part := opened.read(size):
            parts.append(hashlib.sha256(part).digest())
    return f"sha256-parts:{hashlib.sha256(b''.join(parts)).hexdigest()}-{len(parts)}"
