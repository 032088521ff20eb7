"""The life of an item: the one table of allowed moves, and each move as a pure function from a row to the next."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.items.row import ItemRow, Result, StoredFailure
from shared.events import EventType
from shared.ids import ItemId
from shared.items import EditItem, FailureCode, ItemKind, ItemState
from shared.problems import NotFound, Outdated, WrongState
from shared.times import from_rfc3339

UPLOADING, QUEUED, PROCESSING, READY, FAILED, CANCELLED, EXPIRED, DELETED = ItemState

MOVES: dict[ItemState, frozenset[ItemState]] = {
    UPLOADING: frozenset({QUEUED, CANCELLED, EXPIRED, DELETED}),
    QUEUED: frozenset({PROCESSING, CANCELLED, FAILED, DELETED}),
    PROCESSING: frozenset({READY, FAILED, CANCELLED, QUEUED, DELETED}),
    READY: frozenset({DELETED}),
    FAILED: frozenset({QUEUED, DELETED}),
    CANCELLED: frozenset({QUEUED, DELETED}),
    EXPIRED: frozenset({DELETED}),
    DELETED: frozenset({READY, FAILED, CANCELLED, EXPIRED}),
}
FINAL = frozenset({READY, FAILED, CANCELLED, EXPIRED, DELETED})

UPLOAD_LIMIT = timedelta(hours=24)
QUEUE_LIMIT = timedelta(hours=24)
PROCESSING_LIMIT = timedelta(minutes=10)
UNSENT_LIMIT = timedelta(seconds=30)
FIRST_RESEND = timedelta(minutes=2)
LONGEST_RESEND = timedelta(hours=1)
LEASE = timedelta(seconds=60)
"""How long a claim holds that is not renewed; a setting may shorten it."""
MOST_LOST_ATTEMPTS = 5
RETURNS_AFTER = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
CLEANUP_AFTER = LEASE + timedelta(seconds=30)
"""No claim outlives its lease, so that nothing can write after this."""
CANCELLED_ORIGINAL_KEPT = timedelta(hours=24)
"""So long a cancelled item can be retried; then the sweeper removes its original."""

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


@dataclass(frozen=True, slots=True)
class Change:
    """The next row, the step that the receipt shows, and the event, if others must hear of it."""

    row: ItemRow
    step: str
    event: EventType | None = None
    bytes: int = 0


def move(row: ItemRow, to: ItemState, **fields: object) -> ItemRow:
    """Raises WrongState when the table does not allow it."""
    if to not in MOVES[row.state]:
        raise WrongState(f"The item is {row.state}.", state=row.state)
    return _due(replace(row, state=to, revision=row.revision + 1, **fields))  # type: ignore[arg-type]  # checked by replace


def next_send(row: ItemRow) -> datetime | None:
    """When the sweeper must send a queued item (again): at once after its wait, doubling after each send."""
    if row.state is not QUEUED:
        return None
    if row.sent_at is None:
        return row.not_before or (row.queued_at or row.created_at) + UNSENT_LIMIT
    sent = max(row.sent_at, row.not_before or row.sent_at)
    return sent + min(FIRST_RESEND * (1 << min(row.sends - 1, 10)), LONGEST_RESEND)


def _due(row: ItemRow) -> ItemRow:
    """Sets when the sweeper must look at the row next; never for what is final and clean."""
    moments = [row.deadline, next_send(row), row.cleanup_at, row.claimed_until if row.state is PROCESSING else None]
    return replace(row, due_at=min((moment for moment in moments if moment), default=None))


def created(row: ItemRow) -> Change:
    started = _due(replace(row, deadline=row.created_at + UPLOAD_LIMIT, reserved_bytes=row.size_bytes))
    return Change(started, "created", EventType.ITEM_CREATED, bytes=row.size_bytes)


def start_multipart(row: ItemRow, upload_id: str) -> Change | None:
    """None when an upload has been started meanwhile."""
    _require(row, UPLOADING)
    if row.upload_id is not None:
        return None
    return Change(replace(row, upload_id=upload_id, revision=row.revision + 1), "upload_started")


def forget_multipart(row: ItemRow, upload_id: str) -> Change | None:
    """The upload is gone or useless: the next one starts from zero parts."""
    if row.state is not UPLOADING or row.upload_id != upload_id:
        return None
    return Change(replace(row, upload_id=None, revision=row.revision + 1), "upload_refused")


def complete(row: ItemRow, digest: str, now: datetime) -> Change | None:
    """None when it has been completed before: repeatable."""
    if row.state in {QUEUED, PROCESSING, READY, FAILED}:
        return None
    _require(row, UPLOADING)
    limit = now + QUEUE_LIMIT
    return Change(
        move(row, QUEUED, digest=digest, upload_id=None, queued_at=now, queue_deadline=limit, deadline=limit),
        "completed",
    )


def mark_sent(row: ItemRow, now: datetime) -> Change | None:
    if row.state is not QUEUED:
        return None
    return Change(_due(replace(row, sent_at=now, sends=row.sends + 1, revision=row.revision + 1)), "sent")


def claim(row: ItemRow, token: str, now: datetime, lease: timedelta = LEASE) -> Change:
    """Raises ClaimLost unless the item waits in the queue and its wait is over."""
    if row.state is not QUEUED or (row.not_before is not None and row.not_before > now):
        raise ClaimLost
    claimed = move(
        row,
        PROCESSING,
        claim=token,
        claimed_until=now + lease,
        attempt=row.attempt + 1,
        not_before=None,
        deadline=now + PROCESSING_LIMIT,
    )
    return Change(claimed, "claimed")


def renew(row: ItemRow, token: str, now: datetime, lease: timedelta = LEASE) -> Change:
    """The heartbeat. Raises ClaimLost."""
    _require_claim(row, token)
    return Change(_due(replace(row, claimed_until=now + lease, revision=row.revision + 1)), "renewed")


def finish(row: ItemRow, token: str, kind: ItemKind, result: Result, now: datetime) -> Change:
    """Raises ClaimLost."""
    _require_claim(row, token)
    captured = row.captured_at
    if result.captured_at and not row.captured_by_user:
        captured = from_rfc3339(result.captured_at)
    cleanup = now + CLEANUP_AFTER if row.attempt > 1 else None
    ready = move(
        row, READY, kind=kind, result=result, failure=None, captured_at=captured, **_over(), cleanup_at=cleanup
    )
    return Change(ready, "ready", EventType.ITEM_READY)


def fail(row: ItemRow, token: str, failure: StoredFailure, now: datetime, kind: ItemKind | None = None) -> Change:
    """Raises ClaimLost."""
    _require_claim(row, token)
    return _failed(row, failure, now, kind)


def give_back(row: ItemRow, token: str, now: datetime, wait: timedelta = timedelta()) -> Change:
    """A healthy worker returns what it can't finish; that costs the item no attempt. Raises ClaimLost."""
    _require_claim(row, token)
    fields = _over() | _back(row) | {"not_before": now + wait if wait else None}
    return Change(move(row, QUEUED, **fields, queued_at=now), "given_back")


def lose(row: ItemRow, token: str, now: datetime) -> Change:
    """The attempt died under its worker: a wait, then another, and the fifth time the end. Raises ClaimLost."""
    _require_claim(row, token)
    return _lost(row, now)


def overdue(row: ItemRow, now: datetime) -> Change | None:
    """What the sweeper does to a row whose time has come; None when there is nothing to move."""
    if row.deadline is not None and row.deadline <= now:
        if row.state is UPLOADING:
            expired = move(row, EXPIRED, **_over(), reserved_bytes=0, cleanup_at=now)
            return Change(expired, "expired", EventType.ITEM_EXPIRED, bytes=-row.reserved_bytes)
        return _failed(row, TOO_LATE, now)
    if row.state is PROCESSING and row.claimed_until is not None and row.claimed_until <= now:
        return _lost(row, now)
    return None


def cleaned(row: ItemRow) -> Change | None:
    """The sweeper has removed what no longer counts."""
    if row.cleanup_at is None:
        return None
    return Change(_due(replace(row, cleanup_at=None, revision=row.revision + 1)), "cleaned")


def cancel(row: ItemRow, now: datetime, duplicate_of: ItemId | None = None) -> Change | None:
    """None when it is cancelled already."""
    if row.state is CANCELLED:
        return None
    cleanup = now if row.state is UPLOADING else now + CANCELLED_ORIGINAL_KEPT
    cancelled = move(row, CANCELLED, **_over(), reserved_bytes=0, cleanup_at=cleanup, duplicate_of=duplicate_of)
    return Change(cancelled, "cancelled", EventType.ITEM_CANCELLED, bytes=-row.reserved_bytes)


def retry(row: ItemRow, now: datetime) -> Change:
    _require(row, FAILED, CANCELLED)
    limit = now + QUEUE_LIMIT
    queued = move(
        row,
        QUEUED,
        failure=None,
        lost_attempts=0,
        queued_at=now,
        queue_deadline=limit,
        deadline=limit,
        sent_at=None,
        sends=0,
        not_before=None,
        cleanup_at=None,
        reserved_bytes=row.size_bytes,
    )
    return Change(queued, "retried", EventType.ITEM_UPDATED, bytes=row.size_bytes - row.reserved_bytes)


def edit(row: ItemRow, wish: EditItem, expected: int | None) -> Change | None:
    """None when nothing would change. Raises Outdated, NotFound."""
    if row.state is DELETED:
        raise NotFound
    if expected is not None and row.version != expected:
        raise Outdated(version=row.version)
    changed = replace(
        row,
        name=row.name if wish.name is None else wish.name,
        caption=row.caption if wish.caption is None else wish.caption,
        captured_at=row.captured_at if wish.captured_at is None else wish.captured_at,
        captured_by_user=row.captured_by_user or wish.captured_at is not None,
    )
    if changed == row:
        return None
    return Change(
        replace(changed, version=row.version + 1, revision=row.revision + 1), "edited", EventType.ITEM_UPDATED
    )


def delete(row: ItemRow, expected: int | None, now: datetime) -> Change | None:
    """Hides the item and voids its claim; None when it is hidden already. Raises Outdated."""
    if row.state is DELETED:
        return None
    if expected is not None and row.version != expected:
        raise Outdated(version=row.version)
    before = row.state if row.state in FINAL else CANCELLED
    deleted = move(row, DELETED, **_over(), deleted_at=now, state_before=before, cleanup_at=now + CLEANUP_AFTER)
    return Change(deleted, "deleted", EventType.ITEM_DELETED)


def _require(row: ItemRow, *states: ItemState) -> None:
    if row.state not in states:
        raise WrongState(f"The item is {row.state}.", state=row.state)


def _require_claim(row: ItemRow, token: str) -> None:
    if row.state is not PROCESSING or row.claim != token:
        raise ClaimLost


def _over() -> dict[str, object]:
    return {"claim": None, "claimed_until": None, "deadline": None, "sent_at": None, "sends": 0, "not_before": None}


def _back(row: ItemRow) -> dict[str, object]:
    """Back in the queue, under the deadline that it got when it first came there."""
    return {"deadline": row.queue_deadline}


def _failed(row: ItemRow, failure: StoredFailure, now: datetime, kind: ItemKind | None = None) -> Change:
    cleanup = now + CLEANUP_AFTER if row.attempt else None
    failed = move(row, FAILED, **_over(), failure=failure, kind=kind or row.kind, cleanup_at=cleanup)
    return Change(failed, "failed", EventType.ITEM_FAILED)


def _lost(row: ItemRow, now: datetime) -> Change:
    lost = row.lost_attempts + 1
    if lost >= MOST_LOST_ATTEMPTS:
        return _failed(replace(row, lost_attempts=lost), POISONED, now)
    wait = RETURNS_AFTER[lost - 1]
    fields = _over() | _back(row) | {"not_before": now + wait}
    return Change(move(row, QUEUED, **fields, lost_attempts=lost, queued_at=now), "lost")
