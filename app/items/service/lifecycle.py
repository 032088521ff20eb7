"""The life of an item: the table of allowed transitions, and each user's action as a pure function on the row."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.items.schema.row import ItemRow, Lane
from app.jobs import queueing
from darkroom_shared.events import EventType
from darkroom_shared.ids import ItemId
from darkroom_shared.items import EditItem, ItemState
from darkroom_shared.problems import NotFound, Outdated, WrongState
from darkroom_shared.times import from_rfc3339

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

UPLOAD_LIMIT = timedelta(hours=24)
QUEUE_LIMIT = timedelta(hours=24)
LEASE = timedelta(seconds=60)
"""Validity of a claim that is not renewed. A setting can shorten it."""
CLEANUP_AFTER = LEASE + timedelta(seconds=30)
"""A claim never outlives its lease, so after this time no worker can still write."""
URL_LIFETIME = timedelta(hours=1)
"""An upload must begin within this time after its URL was issued."""
UPLOAD_DEADLINE = URL_LIFETIME + timedelta(minutes=10)
"""An upload must end within this time after its URL was issued."""
CANCELLED_ORIGINAL_RETENTION = timedelta(hours=24)
"""A cancelled item can be retried for this long; then the sweeper deletes its original."""

FROM_THE_START: dict[str, object] = {"lane": Lane.EXPRESS, "result": None}
"""Fields that reset an item to before its first stage."""


@dataclass(frozen=True, slots=True)
class Change:
    """The next row, the step for the receipt, and the event to publish, if any. `bytes` changes the account's usage."""

    row: ItemRow
    step: str
    event: EventType | None = None
    bytes: int = 0


def move(row: ItemRow, to: ItemState, **fields: object) -> ItemRow:
    """Return the row in state `to`. Raises WrongState if the table does not allow it."""
    if to not in MOVES[row.state]:
        raise WrongState(f"The item is {row.state}.", state=row.state)
    return due(replace(row, state=to, revision=row.revision + 1, **fields))  # type: ignore[arg-type]  # checked by replace


def next_send(row: ItemRow) -> datetime | None:
    """Return when the sweeper must send the item's message; None unless the item is queued."""
    return queueing.next_send(row, row.queued_at or row.created_at) if row.state is QUEUED else None


def is_being_reprocessed(row: ItemRow) -> bool:
    """Return whether a worker is reprocessing a ready item. The files of that attempt are not current yet, but must
    be kept."""
    return row.state is READY and row.claim is not None


def due(row: ItemRow) -> ItemRow:
    """Return the row with `due_at`, when the sweeper must process it next; None for a final row
    without pending work."""
    lease = row.claimed_until if row.state in {PROCESSING, READY} else None
    cleanup = None if is_being_reprocessed(row) else row.cleanup_at
    moments = [row.deadline, next_send(row), cleanup, row.purge_at, lease]
    return replace(row, due_at=min((moment for moment in moments if moment), default=None))


def created(row: ItemRow) -> Change:
    """Return the change that inserts an uploading item and reserves its bytes in the quota."""
    started = due(replace(row, deadline=row.created_at + UPLOAD_LIMIT, reserved_bytes=row.size_bytes))
    return Change(started, "created", EventType.ITEM_CREATED, bytes=row.size_bytes)


def start_multipart(row: ItemRow, upload_id: str) -> Change | None:
    """Record the multipart upload. Returns None if one was recorded meanwhile."""
    _require(row, UPLOADING)
    if row.upload_id is not None:
        return None
    return Change(replace(row, upload_id=upload_id, revision=row.revision + 1), "upload_started")


def clear_multipart(row: ItemRow, upload_id: str) -> Change | None:
    """Drop a multipart upload that is absent or unusable. The next one starts without parts."""
    if row.state is not UPLOADING or row.upload_id != upload_id:
        return None
    return Change(replace(row, upload_id=None, revision=row.revision + 1), "upload_refused")


def complete(row: ItemRow, digest: str, now: datetime) -> Change | None:
    """Queue an uploaded item. Returns None if it was completed before, so repeating is not an error."""
    if row.state in {QUEUED, PROCESSING, READY, FAILED}:
        return None
    _require(row, UPLOADING)
    limit = now + QUEUE_LIMIT
    return Change(
        move(row, QUEUED, digest=digest, upload_id=None, queued_at=now, queue_deadline=limit, deadline=limit),
        "completed",
    )


def mark_sent(row: ItemRow, now: datetime) -> Change | None:
    """Record that the item's message was sent. Returns None if the item is no longer queued."""
    if row.state is not QUEUED:
        return None
    return Change(due(replace(row, sent_at=now, sends=row.sends + 1, revision=row.revision + 1)), "sent")


def cleaned(row: ItemRow) -> Change | None:
    """Record that the sweeper has deleted the orphaned files, and schedule the next clean-up.

    It is due when the retention of a previous result ends and, for an abandoned upload, when the last issued URL can
    no longer bring bytes.
    """
    if row.cleanup_at is None:
        return None
    later = [from_rfc3339(each.until) for each in row.former]
    uploads_end = row.created_at + UPLOAD_LIMIT + UPLOAD_DEADLINE
    if row.queued_at is None and row.cleanup_at < uploads_end:
        later.append(uploads_end)
    return Change(due(replace(row, cleanup_at=min(later, default=None), revision=row.revision + 1)), "cleaned")


def cancel(row: ItemRow, now: datetime, duplicate_of: ItemId | None = None) -> Change | None:
    """Cancel the item. Returns None if it is cancelled already. A poster is dropped too: a retry begins with the
    first stage."""
    if row.state is CANCELLED:
        return None
    cleanup = now if row.state is UPLOADING else now + CANCELLED_ORIGINAL_RETENTION
    fields = released_claim() | FROM_THE_START | {"duplicate_of": duplicate_of}
    cancelled = move(row, CANCELLED, **fields, reserved_bytes=0, cleanup_at=cleanup)
    return Change(cancelled, "cancelled", EventType.ITEM_CANCELLED, bytes=-row.reserved_bytes)


def retry(row: ItemRow, now: datetime) -> Change:
    """Queue a failed or cancelled item again, in the lane that it was in."""
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


def edit(row: ItemRow, body: EditItem, expected: int | None) -> Change | None:
    """Change the fields that the body names. Returns None if nothing changes. Raises Outdated, NotFound."""
    if row.state is DELETED:
        raise NotFound
    if expected is not None and row.version != expected:
        raise Outdated(version=row.version)
    changed = replace(
        row,
        name=row.name if body.name is None else body.name,
        caption=row.caption if body.caption is None else body.caption,
        captured_at=row.captured_at if body.captured_at is None else body.captured_at,
        captured_by_user=row.captured_by_user or body.captured_at is not None,
    )
    if changed == row:
        return None
    return Change(
        replace(changed, version=row.version + 1, revision=row.revision + 1), "edited", EventType.ITEM_UPDATED
    )


def _require(row: ItemRow, *states: ItemState) -> None:
    if row.state not in states:
        raise WrongState(f"The item is {row.state}.", state=row.state)


def released_claim() -> dict[str, object]:
    """Return the reset fields of a claim and its wait. The claim's ladder ends with the claim."""
    claim = {"claim": None, "claimed_until": None, "ladder": None}
    return claim | {"deadline": None, "sent_at": None, "sends": 0, "not_before": None}
