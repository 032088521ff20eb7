"""What a worker's claim allows, and what happens when it lapses: each a pure function from a row to the next."""

from dataclasses import replace
from datetime import datetime, timedelta

from app.items.lifecycle import (
    CLEANUP_AFTER,
    EXPIRED,
    FAILED,
    LEASE,
    PROCESSING,
    QUEUE_LIMIT,
    QUEUED,
    READY,
    UPLOADING,
    Change,
    due,
    move,
    over,
)
from app.items.row import ItemRow, Ladder, Lane, Result, StoredFailure
from shared.events import EventType
from shared.items import FailureCode, ItemKind
from shared.times import from_rfc3339

PROCESSING_LIMIT = timedelta(minutes=10)
LIMIT_PER_DURATION = 30
"""A video may be in work so much longer than it lasts, beyond the limit of a photo."""
MAX_LOST_ATTEMPTS = 5
RETURNS_AFTER = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))

POISONED = StoredFailure(
    FailureCode.POISONED,
    "Five attempts at this file ended with a crash. The file may be damaged in an unusual way; the original is kept.",
    retryable=False,
)
TOO_LATE = StoredFailure(
    FailureCode.DEADLINE, "This took longer than it ever should. Trying again usually helps.", retryable=True
)


class ClaimLost(Exception):
    """The worker's claim no longer holds; whatever it made counts for nothing."""


def claim(row: ItemRow, lane: Lane, token: str, now: datetime, lease: timedelta = LEASE) -> Change:
    """Raises ClaimLost unless the item waits in this lane and its wait is over."""
    if row.state is not QUEUED or row.lane is not lane or (row.not_before is not None and row.not_before > now):
        raise ClaimLost
    claimed = move(
        row,
        PROCESSING,
        claim=token,
        claimed_until=now + lease,
        attempt=row.attempt + 1,
        not_before=None,
        deadline=now + _time_for(row),
    )
    return Change(claimed, "claimed")


def renew(row: ItemRow, token: str, now: datetime, lease: timedelta = LEASE) -> Change:
    """The heartbeat. Raises ClaimLost."""
    _require_claim(row, token)
    return Change(due(replace(row, claimed_until=now + lease, revision=row.revision + 1)), "renewed")


def hand_off(row: ItemRow, token: str, kind: ItemKind, result: Result, now: datetime) -> Change:
    """The first stage of a video is done, and `result` is what it made: the second one waits in the bulk lane, with a
    day of its own and its own count of lost attempts, for the file has shown that it can be read. Raises ClaimLost."""
    _require_claim(row, token)
    limit = now + QUEUE_LIMIT
    fields = over() | _facts(row, kind, result) | {"queued_at": now, "queue_deadline": limit, "deadline": limit}
    queued = move(row, QUEUED, **fields, lane=Lane.BULK, lost_attempts=0)
    return Change(queued, "passed_on", EventType.ITEM_UPDATED)


def play(row: ItemRow, token: str, ladder: Ladder) -> Change:
    """From here on the playlists of this attempt count, while it goes on making. Raises ClaimLost."""
    _require_claim(row, token)
    return Change(replace(row, ladder=ladder, revision=row.revision + 1), "playable", EventType.ITEM_PLAYABLE)


def finish(
    row: ItemRow, token: str, kind: ItemKind, result: Result, now: datetime, ladder: Ladder | None = None
) -> Change:
    """`ladder` is the whole one of a video. Raises ClaimLost."""
    _require_claim(row, token)
    cleanup = now + CLEANUP_AFTER if row.attempt > 1 else None
    fields = over() | _facts(row, kind, result) | {"ladder": ladder, "failure": None, "cleanup_at": cleanup}
    return Change(move(row, READY, **fields), "ready", EventType.ITEM_READY)


def fail(row: ItemRow, token: str, failure: StoredFailure, now: datetime, kind: ItemKind | None = None) -> Change:
    """Raises ClaimLost."""
    _require_claim(row, token)
    return _failed(row, failure, now, kind)


def give_back(row: ItemRow, token: str, now: datetime, wait: timedelta = timedelta()) -> Change:
    """A healthy worker returns what it can't finish; that costs the item no attempt. Raises ClaimLost."""
    _require_claim(row, token)
    fields = over() | _back(row) | {"not_before": now + wait if wait else None}
    return Change(move(row, QUEUED, **fields, queued_at=now), "given_back")


def record_lost_attempt(row: ItemRow, token: str, now: datetime) -> Change:
    """The attempt died under its worker: a wait, then another, and the fifth time the end. Raises ClaimLost."""
    _require_claim(row, token)
    return _with_lost_attempt(row, now)


def overdue(row: ItemRow, now: datetime) -> Change | None:
    """What the sweeper does to a row whose time has come; None when there is nothing to move."""
    if row.deadline is not None and row.deadline <= now:
        if row.state is UPLOADING:
            expired = move(row, EXPIRED, **over(), reserved_bytes=0, cleanup_at=now)
            return Change(expired, "expired", EventType.ITEM_EXPIRED, bytes=-row.reserved_bytes)
        return _failed(row, TOO_LATE, now)
    if row.state is PROCESSING and row.claimed_until is not None and row.claimed_until <= now:
        return _with_lost_attempt(row, now)
    return None


def _require_claim(row: ItemRow, token: str) -> None:
    if row.state is not PROCESSING or row.claim != token:
        raise ClaimLost


def _time_for(row: ItemRow) -> timedelta:
    """How long this stage may take at most; finding out what a file is takes the same for all."""
    if row.lane is Lane.EXPRESS:
        return PROCESSING_LIMIT
    return PROCESSING_LIMIT + LIMIT_PER_DURATION * timedelta(seconds=row.duration_seconds or 0)


def _facts(row: ItemRow, kind: ItemKind, result: Result) -> dict[str, object]:
    captured = row.captured_at
    if result.captured_at and not row.captured_by_user:
        captured = from_rfc3339(result.captured_at)
    return {"kind": kind, "result": result, "captured_at": captured}


def _back(row: ItemRow) -> dict[str, object]:
    """Back in the queue, under the deadline that it got when it first came there."""
    return {"deadline": row.queue_deadline}


def _failed(row: ItemRow, failure: StoredFailure, now: datetime, kind: ItemKind | None = None) -> Change:
    cleanup = now + CLEANUP_AFTER if row.attempt else None
    failed = move(row, FAILED, **over(), failure=failure, kind=kind or row.kind, cleanup_at=cleanup)
    return Change(failed, "failed", EventType.ITEM_FAILED)


def _with_lost_attempt(row: ItemRow, now: datetime) -> Change:
    lost_attempts = row.lost_attempts + 1
    if lost_attempts >= MAX_LOST_ATTEMPTS:
        return _failed(replace(row, lost_attempts=lost_attempts), POISONED, now)
    wait = RETURNS_AFTER[lost_attempts - 1]
    fields = over() | _back(row) | {"not_before": now + wait}
    return Change(move(row, QUEUED, **fields, lost_attempts=lost_attempts, queued_at=now), "lost")
