"""Crash reports of lost attempts: reports of our own faults, and sending any report to the dead-letter queue."""

import platform
import traceback
from pathlib import Path
from typing import Any

import structlog

from app.items.schema.row import ItemRow
from app.jobs.after_commit import try_after_commit
from app.media.results import CrashReport
from app.stores.resources import DEAD_LETTERS_QUEUE
from app.stores.sqs import Queues

log = structlog.get_logger()

DEAD_LETTER_SECONDS = 10.0
"""Limit of sending a crash report with the client's own repetitions."""


def crash_report(error: Exception) -> CrashReport:
    """Describe the error by its type and location, never by its text, which may contain the owner's data."""
    places = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(places[-1].filename).name}:{places[-1].lineno} {places[-1].name}" if places else ""
    return CrashReport(f"unexpected {type(error).__name__}{place}", ("attempt",), {"python": platform.python_version()})


async def dead_letter(queues: Queues, row: ItemRow, report: dict[str, Any]) -> None:
    """Log the crash report of a poisoned item and put it on the dead-letter queue; it contains no user data.

    The item has failed already, and no later job repeats this call: if the queue stays unavailable for
    DEAD_LETTER_SECONDS, only the log has the report.
    """
    log.error("item.poisoned", lost_attempts=row.lost_attempts, crash_report=report)
    body = {"item_id": row.item_id, "account_id": row.account_id, "attempt": row.attempt, "capsule": report}
    sending = queues.send(DEAD_LETTERS_QUEUE, body, group=row.account_id)
    await try_after_commit(sending, "dead_letter", DEAD_LETTER_SECONDS, item=row.item_id)
