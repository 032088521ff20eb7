"""The life of an export (queued, processing, ready or failed): each transition is a pure function from a row to the
next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.exports.schema import ExportFailure, ExportRow
from app.jobs import claim as job_claim
from app.jobs import queueing
from app.jobs.claim import Claim, ClaimLost
from darkroom_shared.events import EventType
from darkroom_shared.exports import ExportState
from darkroom_shared.items import FailureCode

TIME_LIMIT = timedelta(hours=24)
RETENTION = timedelta(days=7)
LEASE = timedelta(seconds=60)

TOO_LATE = ExportFailure(FailureCode.DEADLINE, "This took longer than it ever should. Start another export.", True)
TOO_MANY_ATTEMPTS = ExportFailure(FailureCode.INTERNAL, "Five attempts at this export ended with a crash.", True)


@dataclass(frozen=True, slots=True)
class Change:
    """The next row, and the event to publish, if any."""

    row: ExportRow
    event: EventType | None = None


Rule = Callable[[ExportRow], Change | None]


def created(row: ExportRow) -> Change:
    return Change(due(replace(row, deadline=row.created_at + TIME_LIMIT)))


def mark_sent(row: ExportRow, now: datetime) -> Change | None:
    """Record that the export's message was sent. Returns None if it is no longer queued."""
    if row.state is not ExportState.QUEUED:
        return None
    return _change(row, {"sent_at": now, "sends": row.sends + 1})


def claim(row: ExportRow, token: str, now: datetime, lease: timedelta = LEASE) -> Change | None:
    """Claim a queued export. Raises ClaimLost unless it is queued and its `not_before` has passed.

    Returns None if the export has this very claim: it was written, but the response was lost, and the SDK's repetition
    was refused.
    """
    if row.claim == token:
        return None
    if row.state is not ExportState.QUEUED:
        raise ClaimLost
    taken = _fields(job_claim.take(_claim(row), token, now, lease))
    return _change(row, taken | {"state": ExportState.PROCESSING, "percent": 0.0})


def renew(row: ExportRow, token: str, now: datetime, percent: float, lease: timedelta = LEASE) -> Change:
    """Extend the lease and store the progress (heartbeat). Raises ClaimLost."""
    _require_claim(row, token)
    return _change(row, _fields(job_claim.renew(_claim(row), token, now, lease)) | {"percent": percent})


def finish(row: ExportRow, token: str, now: datetime, *, items: int, missing: int, size_bytes: int) -> Change:
    """Set the export to ready. Raises ClaimLost."""
    _require_claim(row, token)
    facts = {"item_count": items, "missing_count": missing, "size_bytes": size_bytes, "percent": 100.0}
    return _change(row, _ended(ExportState.READY, now) | facts, EventType.EXPORT_READY)


def return_claim(row: ExportRow, token: str, now: datetime, wait: timedelta = timedelta()) -> Change:
    """Return an export that a healthy worker cannot finish; the next attempt starts from zero, after `wait`.

    Raises ClaimLost.
    """
    _require_claim(row, token)
    return _waiting(row, job_claim.return_claim(_claim(row), token, now, wait))


def record_lost_attempt(row: ExportRow, token: str, now: datetime) -> Change:
    """Queue the export again after a crashed attempt, with a wait; the fifth one fails it. Raises ClaimLost."""
    _require_claim(row, token)
    return _with_lost_attempt(row, job_claim.record_lost_attempt(_claim(row), token, now), now)


def overdue(row: ExportRow, now: datetime) -> Change | None:
    """Return the change for a row whose deadline or lease has passed, or None if neither has."""
    if row.deadline is not None and row.deadline <= now:
        return _failed(row, TOO_LATE, now)
    lapsed = job_claim.lapse(_claim(row), now) if row.state is ExportState.PROCESSING else None
    return _with_lost_attempt(row, lapsed, now) if lapsed else None


def is_expired(row: ExportRow, now: datetime) -> bool:
    """Return whether the retention has ended."""
    return row.kept_until is not None and row.kept_until <= now


def next_send(row: ExportRow) -> datetime | None:
    """Return when the sweeper must send the export's message; None unless the export is queued."""
    return queueing.next_send(row, row.created_at) if row.state is ExportState.QUEUED else None


def due(row: ExportRow) -> ExportRow:
    """Return the row with `due_at`, when the sweeper must process it next."""
    moments = [row.deadline, row.kept_until, row.claimed_until, next_send(row)]
    return replace(row, due_at=min(moment for moment in moments if moment))


def _failed(row: ExportRow, failure: ExportFailure, now: datetime) -> Change:
    return _change(row, _ended(ExportState.FAILED, now) | {"failure": failure}, EventType.EXPORT_FAILED)


def _with_lost_attempt(row: ExportRow, free: Claim, now: datetime) -> Change:
    if job_claim.is_exhausted(free):
        return _failed(replace(row, lost_attempts=free.lost_attempts), TOO_MANY_ATTEMPTS, now)
    return _waiting(row, free)


def _waiting(row: ExportRow, free: Claim) -> Change:
    return _change(row, _fields(free) | {"state": ExportState.QUEUED, "sent_at": None, "sends": 0})


def _ended(state: ExportState, now: datetime) -> dict[str, object]:
    free = Claim().fields("attempt", "lost_attempts")
    return free | {"state": state, "deadline": None, "kept_until": now + RETENTION}


def _require_claim(row: ExportRow, token: str) -> None:
    if row.state is not ExportState.PROCESSING:
        raise ClaimLost
    job_claim.require(row, token)


def _claim(row: ExportRow) -> Claim:
    """Return the claim. An export's attempts are not numbered."""
    return Claim(row.claim, row.claimed_until, lost_attempts=row.lost_attempts, not_before=row.not_before)


def _fields(claim: Claim) -> dict[str, object]:
    return claim.fields("attempt")


def _change(row: ExportRow, fields: dict[str, object], event: EventType | None = None) -> Change:
    changed = replace(row, revision=row.revision + 1, **fields)  # type: ignore[arg-type]  # checked by replace
    return Change(due(changed), event)
