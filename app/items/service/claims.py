"""A worker's claim on an item: each transition, a lapse included, is a pure function from a row to the next."""

from dataclasses import replace
from datetime import datetime, timedelta

from app.items.schema.row import ItemRow, Ladder, Lane, Result, StoredFailure
from app.items.service.lifecycle import (
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
    released_claim,
)
from app.jobs import claim as job_claim
from app.jobs.claim import Claim, ClaimLost
from darkroom_shared.events import EventType
from darkroom_shared.items import FailureCode, ItemKind
from darkroom_shared.times import from_rfc3339

PROCESSING_LIMIT = timedelta(minutes=10)
LIMIT_PER_DURATION = 30
"""Seconds of processing allowed per second of video, in addition to PROCESSING_LIMIT."""

POISONED = StoredFailure(
    FailureCode.POISONED,
    "Five attempts at this file ended with a crash. The file may be damaged in an unusual way; the original is kept.",
    retryable=False,
)
TOO_LATE = StoredFailure(
    FailureCode.DEADLINE, "This took longer than it ever should. Trying again usually helps.", retryable=True
)


def claim(row: ItemRow, lane: Lane, token: str, now: datetime, lease: timedelta = LEASE) -> Change | None:
    """Claim a queued item. Raises ClaimLost unless the item waits in this lane and its `not_before` has passed.

    Returns None if the item has this very claim: it was written, but the response was lost.
    """
    if row.claim == token:
        return None
    if row.state is not QUEUED or row.lane is not lane:
        raise ClaimLost
    taken = job_claim.take(row, token, now, lease)
    return Change(move(row, PROCESSING, **taken.fields(), deadline=now + _time_for(row)), "claimed")


def renew(row: ItemRow, token: str, now: datetime, lease: timedelta = LEASE) -> Change:
    """Extend the lease (heartbeat). Raises ClaimLost."""
    _require_claim(row, token)
    renewed = job_claim.renew(row, token, now, lease)
    return Change(due(replace(row, claimed_until=renewed.claimed_until, revision=row.revision + 1)), "renewed")


def hand_off(row: ItemRow, token: str, kind: ItemKind, result: Result, now: datetime) -> Change:
    """Queue the second stage of a video in the bulk lane; `result` is the output of the first stage.

    The second stage has a deadline of its own (24 hours) and starts with zero lost attempts, because the first stage
    has proved that the file is readable. Raises ClaimLost.
    """
    _require_claim(row, token)
    limit = now + QUEUE_LIMIT
    fields = (
        released_claim() | _facts(row, kind, result) | {"queued_at": now, "queue_deadline": limit, "deadline": limit}
    )
    queued = move(row, QUEUED, **fields, lane=Lane.BULK, lost_attempts=0)
    return Change(queued, "passed_on", EventType.ITEM_UPDATED)


def play(row: ItemRow, token: str, ladder: Ladder) -> Change:
    """Make the playlists of this attempt current while the encoder still appends to them. Raises ClaimLost."""
    _require_claim(row, token)
    return Change(replace(row, ladder=ladder, revision=row.revision + 1), "playable", EventType.ITEM_PLAYABLE)


def finish(
    row: ItemRow, token: str, kind: ItemKind, result: Result, now: datetime, ladder: Ladder | None = None
) -> Change:
    """Set the item to ready. `ladder` is the complete ladder of a video. Raises ClaimLost."""
    _require_claim(row, token)
    cleanup = now + CLEANUP_AFTER if row.attempt > 1 else None
    fields = released_claim() | _facts(row, kind, result) | {"ladder": ladder, "failure": None, "cleanup_at": cleanup}
    return Change(move(row, READY, **fields), "ready", EventType.ITEM_READY)


def fail(row: ItemRow, token: str, failure: StoredFailure, now: datetime, kind: ItemKind | None = None) -> Change:
    """Set the item to failed. Raises ClaimLost."""
    _require_claim(row, token)
    return _failed(row, failure, now, kind)


def return_claim(row: ItemRow, token: str, now: datetime, wait: timedelta = timedelta()) -> Change:
    """Return an item that a healthy worker cannot finish. It does not count as a lost attempt. Raises ClaimLost."""
    _require_claim(row, token)
    return Change(_queued_again(row, job_claim.return_claim(row, token, now, wait), now), "given_back")


def record_lost_attempt(row: ItemRow, token: str, now: datetime) -> Change:
    """Queue the item again after a crashed attempt, with a longer wait each time. The fifth one fails it. Raises
    ClaimLost."""
    _require_claim(row, token)
    return _with_lost_attempt(row, job_claim.record_lost_attempt(row, token, now), now)


def overdue(row: ItemRow, now: datetime) -> Change | None:
    """Return the change for a row whose deadline or lease has passed, or None if neither has."""
    if row.deadline is not None and row.deadline <= now:
        if row.state is UPLOADING:
            expired = move(row, EXPIRED, **released_claim(), reserved_bytes=0, cleanup_at=now)
            return Change(expired, "expired", EventType.ITEM_EXPIRED, bytes=-row.reserved_bytes)
        return _failed(row, TOO_LATE, now)
    lapsed = job_claim.lapse(row, now) if row.state is PROCESSING else None
    return _with_lost_attempt(row, lapsed, now) if lapsed else None


def _require_claim(row: ItemRow, token: str) -> None:
    if row.state is not PROCESSING:
        raise ClaimLost
    job_claim.require(row, token)


def _time_for(row: ItemRow) -> timedelta:
    """Return the maximum duration of this stage. In the express lane it does not depend on the file."""
    if row.lane is Lane.EXPRESS:
        return PROCESSING_LIMIT
    return PROCESSING_LIMIT + LIMIT_PER_DURATION * timedelta(seconds=row.duration_seconds or 0)


def _facts(row: ItemRow, kind: ItemKind, result: Result) -> dict[str, object]:
    captured = row.captured_at
    if result.captured_at and not row.captured_by_user:
        captured = from_rfc3339(result.captured_at)
    return {"kind": kind, "result": result, "captured_at": captured}


def _queued_again(row: ItemRow, free: Claim, now: datetime) -> ItemRow:
    """Return the item to its queue, with the deadline that was set when it was first queued."""
    return move(row, QUEUED, **(released_claim() | free.fields() | {"deadline": row.queue_deadline, "queued_at": now}))


def _failed(row: ItemRow, failure: StoredFailure, now: datetime, kind: ItemKind | None = None) -> Change:
    cleanup = now + CLEANUP_AFTER if row.attempt else None
    failed = move(row, FAILED, **released_claim(), failure=failure, kind=kind or row.kind, cleanup_at=cleanup)
    return Change(failed, "failed", EventType.ITEM_FAILED)


def _with_lost_attempt(row: ItemRow, free: Claim, now: datetime) -> Change:
    if job_claim.is_exhausted(free):
        return _failed(replace(row, lost_attempts=free.lost_attempts), POISONED, now)
    return Change(_queued_again(row, free, now), "lost")
