"""Delete, restore and purge: each transition is a pure function from an item's row to the next."""

from dataclasses import replace
from datetime import datetime, timedelta

from app.items.schema.row import ItemRow, Purge
from app.items.service.lifecycle import (
    CANCELLED,
    CANCELLED_ORIGINAL_RETENTION,
    CLEANUP_AFTER,
    DELETED,
    EXPIRED,
    FAILED,
    FROM_THE_START,
    READY,
    UPLOAD_DEADLINE,
    UPLOADING,
    Change,
    due,
    move,
    released_claim,
)
from darkroom_shared.events import EventType
from darkroom_shared.problems import NotFound, Outdated

RESTORABLE = timedelta(days=30)


def delete(row: ItemRow, expected: int | None, now: datetime, *, permanently: bool = False) -> Change | None:
    """Hide the item and void its claim. Returns None if that is already done. Raises Outdated."""
    if row.state is DELETED:
        return _purge_now(row, now) if permanently else None
    if expected is not None and row.version != expected:
        raise Outdated(version=row.version)
    fields: dict[str, object]
    if row.state in {READY, FAILED}:
        fields = {"ladder": row.ladder, "state_before": row.state, "cleanup_at": now + CLEANUP_AFTER}
    elif row.state in {CANCELLED, EXPIRED}:
        fields = {"state_before": row.state, "cleanup_at": row.cleanup_at}
    elif row.state is UPLOADING:
        fields = {"state_before": CANCELLED, "cleanup_at": now, "reserved_bytes": 0}
    else:
        fields = FROM_THE_START | {"state_before": CANCELLED, "cleanup_at": now + CLEANUP_AFTER}
    fields = released_claim() | fields | {"upload_id": None, "deleted_at": now, "purge_at": now + RESTORABLE}
    if permanently:
        fields |= _purge_fields(now)
    deleted = move(row, DELETED, **fields)
    return Change(deleted, "deleted", EventType.ITEM_DELETED, bytes=deleted.reserved_bytes - row.reserved_bytes)


def restore(row: ItemRow, now: datetime) -> Change | None:
    """Restore the previous state. Returns None if the item is not deleted.

    An item that was in processing comes back as cancelled and can be retried for 24 hours. Raises NotFound if it can
    no longer be restored.
    """
    if row.state is not DELETED:
        return None
    if row.purge is not None or (row.purge_at is not None and row.purge_at <= now):
        raise NotFound
    fields: dict[str, object] = {"deleted_at": None, "state_before": None, "purge_at": None}
    before = row.state_before or CANCELLED
    if before is CANCELLED and row.reserved_bytes:
        fields |= {"reserved_bytes": 0, "cleanup_at": now + CANCELLED_ORIGINAL_RETENTION}
    restored = move(row, before, **fields)
    change = restored.reserved_bytes - row.reserved_bytes
    return Change(restored, "restored", EventType.ITEM_RESTORED, bytes=change)


def begin_purge(row: ItemRow, now: datetime) -> Change | None:
    """Make the deletion final once `purge_at` has passed. Returns None otherwise."""
    if row.state is not DELETED or row.purge_at is None or row.purge_at > now:
        return None
    return _purge_now(row, now)


def record_purge_pass(row: ItemRow, now: datetime) -> Change | None:
    """Record that the objects are deleted and free the reserved bytes. The second pass is scheduled for when no
    upload or attempt can still be writing."""
    if row.purge is not Purge.BEGUN:
        return None
    again = max(now + CLEANUP_AFTER, uploads_end(row, row.deleted_at or now))
    purged = replace(row, purge=Purge.DELETED, purge_at=again, reserved_bytes=0, revision=row.revision + 1)
    return Change(due(purged), "emptied", bytes=-row.reserved_bytes)


def uploads_end(row: ItemRow, closed_at: datetime) -> datetime:
    """Return when the last upload by a URL issued before `closed_at` must have ended."""
    return (row.queued_at or closed_at) + UPLOAD_DEADLINE


def _purge_now(row: ItemRow, now: datetime) -> Change | None:
    if row.purge is not None:
        return None
    return Change(due(replace(row, **_purge_fields(now), revision=row.revision + 1)), "purge_begun")  # type: ignore[arg-type]  # checked by replace


def _purge_fields(now: datetime) -> dict[str, object]:
    """Replace a pending clean-up, because the purge deletes the same objects and more."""
    return {"purge": Purge.BEGUN, "purge_at": now, "cleanup_at": None}
