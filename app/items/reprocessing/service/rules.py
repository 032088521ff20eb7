"""Reprocess a ready item by a new recipe: each transition is a pure function on its row, whose state stays `ready`."""

from dataclasses import replace
from datetime import datetime, timedelta

from app.items.schema.row import ItemRow, Ladder, PreviousResult, Reprocessing, Result
from app.items.service.lifecycle import CLEANUP_AFTER, LEASE, READY, Change, due
from app.jobs import claim as job_claim
from app.jobs.claim import Claim, ClaimLost
from darkroom_shared.events import EventType
from darkroom_shared.items import ItemKind
from darkroom_shared.times import from_rfc3339, to_rfc3339

PREVIOUS_RETENTION = timedelta(days=30)
"""Retention of the files that reprocessing replaced. Until then they can be made current again."""
REQUEST_AGAIN_AFTER = timedelta(minutes=2)
"""If no worker has claimed the item within this time, its message may be lost and is sent again."""


def is_stale(row: ItemRow, recipe: str) -> bool:
    """Return whether a part of a ready item was made by another recipe."""
    return row.state is READY and row.result is not None and not _is_made_by(row.result, row.ladder, recipe)


def request(row: ItemRow, recipe: str, now: datetime) -> Change | None:
    """Record a request to reprocess. Returns None if the item is current, claimed, or was requested less than 2
    minutes ago."""
    if not is_stale(row, recipe) or row.claim is not None:
        return None
    pending = row.remake
    if (
        pending
        and pending.recipe == recipe
        and not pending.failed
        and now < from_rfc3339(pending.asked_at) + REQUEST_AGAIN_AFTER
    ):
        return None
    lost_attempts = pending.lost_attempts if pending and pending.recipe == recipe and not pending.failed else 0
    return _change(row, "remake_asked", {"remake": Reprocessing(recipe, to_rfc3339(now), lost_attempts)})


def begin(row: ItemRow, recipe: str, token: str, now: datetime, lease: timedelta = LEASE) -> Change | None:
    """Claim the item. Raises ClaimLost unless it was requested for this recipe and is unclaimed.

    Returns None if the item has this very claim: it was written, but the response was lost.
    """
    if row.claim == token:
        return None
    pending = row.remake
    if pending is None or pending.recipe != recipe or pending.failed or not is_stale(row, recipe):
        raise ClaimLost
    return _change(row, "remake_claimed", _fields(job_claim.take(_claim(row), token, now, lease)))


def renew(row: ItemRow, token: str, now: datetime, lease: timedelta = LEASE) -> Change:
    """Extend the lease (heartbeat). Raises ClaimLost."""
    _require_claim(row, token)
    return _change(row, "renewed", _fields(job_claim.renew(_claim(row), token, now, lease)))


def finish(row: ItemRow, token: str, kind: ItemKind, result: Result, ladder: Ladder | None, now: datetime) -> Change:
    """Make the new files current. The old files are kept for 30 days. Raises ClaimLost."""
    _require_claim(row, token)
    captured = row.captured_at
    if result.captured_at and not row.captured_by_user:
        captured = from_rfc3339(result.captured_at)
    fields = _result_fields(row, result, ladder, row.former, now) | {"kind": kind, "captured_at": captured}
    return _change(row, "remade", fields, EventType.ITEM_UPDATED)


def fail(row: ItemRow, token: str, now: datetime) -> Change:
    """Record the failure for the operator; the item itself stays unchanged. Raises ClaimLost."""
    _require_claim(row, token)
    failed = replace(row.remake, failed=True) if row.remake else None
    return _change(row, "remake_failed", _released(row, now) | {"remake": failed})


def return_claim(row: ItemRow, token: str, now: datetime) -> Change:
    """Release the claim so that another worker can take it. Raises ClaimLost."""
    _require_claim(row, token)
    return _change(row, "remake_given_back", _released(row, now))


def lapse(row: ItemRow, now: datetime) -> Change | None:
    """Release a claim whose lease has expired. The fifth time, reprocessing has failed. Returns None if the claim
    holds."""
    free = job_claim.lapse(_claim(row), now, ()) if row.state is READY else None
    if free is None:
        return None
    pending = row.remake
    if pending is not None:
        pending = replace(pending, lost_attempts=free.lost_attempts, failed=job_claim.is_exhausted(free))
    return _change(row, "remake_lost", _released(row, now) | {"remake": pending})


def restore_previous(row: ItemRow, recipe: str, now: datetime) -> Change | None:
    """Make previous files of this recipe current again. Returns None if there are none, or if the item is not stale."""
    previous = next((each for each in row.former if _is_made_by(each.result, each.ladder, recipe)), None)
    return _make_current(row, previous, now) if previous and is_stale(row, recipe) else None


def roll_back(row: ItemRow, recipe: str, now: datetime) -> Change | None:
    """Make the files current again that this recipe's files replaced. Returns None if the item is stale or no older
    files are kept."""
    if row.state is not READY or row.result is None or is_stale(row, recipe):
        return None
    previous = next((each for each in row.former if not _is_made_by(each.result, each.ladder, recipe)), None)
    return _make_current(row, previous, now) if previous else None


def drop_previous(row: ItemRow, now: datetime) -> Change | None:
    """Drop previous results whose retention has ended. Returns None if there are none."""
    unexpired = tuple(each for each in row.former if from_rfc3339(each.until) > now)
    return None if unexpired == row.former else _change(row, "former_forgotten", {"former": unexpired})


def _make_current(row: ItemRow, previous: PreviousResult, now: datetime) -> Change:
    other_results = tuple(each for each in row.former if each != previous)
    return _change(
        row,
        "renamed",
        _result_fields(row, previous.result, previous.ladder, other_results, now),
        EventType.ITEM_UPDATED,
    )


def _result_fields(
    row: ItemRow, result: Result, ladder: Ladder | None, other_results: tuple[PreviousResult, ...], now: datetime
) -> dict[str, object]:
    """Make `result` current and keep the one it replaces as a previous result."""
    if row.result is None:
        raise ValueError("a ready item without a result")
    previous = PreviousResult(row.result, row.ladder, to_rfc3339(now + PREVIOUS_RETENTION))
    return _released(row, now) | {
        "result": result,
        "ladder": ladder,
        "former": (previous, *other_results),
        "remake": None,
    }


def _released(row: ItemRow, now: datetime) -> dict[str, object]:
    """Release the claim. The files of a lost or failed attempt are deleted once no worker can still be writing."""
    cleanup = now + CLEANUP_AFTER
    return {"claim": None, "claimed_until": None, "cleanup_at": min(row.cleanup_at or cleanup, cleanup)}


def _is_made_by(result: Result, ladder: Ladder | None, recipe: str) -> bool:
    return {used for used, _ in result.folders} == {recipe} and (ladder is None or ladder.recipe == recipe)


def _require_claim(row: ItemRow, token: str) -> None:
    if row.state is not READY:
        raise ClaimLost
    job_claim.require(row, token)


def _claim(row: ItemRow) -> Claim:
    """Return the claim; a ready item has no `not_before`, and its lost attempts are those of the request."""
    return Claim(row.claim, row.claimed_until, row.attempt, row.remake.lost_attempts if row.remake else 0)


def _fields(claim: Claim) -> dict[str, object]:
    return claim.fields("lost_attempts", "not_before")


def _change(row: ItemRow, step: str, fields: dict[str, object], event: EventType | None = None) -> Change:
    changed = due(replace(row, revision=row.revision + 1, **fields))  # type: ignore[arg-type]  # checked by replace
    return Change(changed, step, event)
