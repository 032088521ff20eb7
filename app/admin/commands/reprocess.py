"""`darkroom admin reprocess`: apply a changed recipe to ready items, or roll it back."""

import argparse
import asyncio
import sys
from collections import Counter
from contextlib import AsyncExitStack

from app.items.reprocessing.service.reprocessing import Outcome, Survey
from app.items.wiring import build_reprocessing
from app.services import open_foundation
from app.settings import Settings
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ItemKind
from darkroom_shared.problems import Unavailable
from darkroom_shared.times import utc_now

SOME_FAILED, UNREACHABLE, INTERRUPTED = 1, 3, 130
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def reprocess(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run `reprocess_now`. Returns the exit code; starting it again is safe."""
    try:
        return asyncio.run(reprocess_now(settings, arguments))
    except Unavailable as problem:
        sys.stderr.write(f"{problem}\nStart it again: it processes only what is missing.\n")
        return UNREACHABLE
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Start it again: it processes only what is missing.\n")
        return INTERRUPTED


async def reprocess_now(settings: Settings, arguments: argparse.Namespace) -> int:
    """Reprocess stale items, or only estimate the work, or roll back. Returns the exit code. Raises Unavailable."""
    slots = max(1, arguments.slots or settings.worker_bulk_slots)
    account = AccountId(arguments.account) if arguments.account else None
    async with AsyncExitStack() as stack:
        base = await open_foundation(settings, stack, utc_now)
        reprocessing = build_reprocessing(clients=base.clients, parts=base.items, account=account)
        if arguments.roll_back:
            restored = await reprocessing.roll_back()
            sys.stdout.write(f"{restored} items have their previous files again.\n")
            return 0
        survey = await reprocessing.survey()
        sys.stdout.write(summary(survey, slots))
        if arguments.dry_run or not survey.stale:
            return 0
        outcomes = await reprocessing.run(slots, Progress(survey.stale))
    sys.stdout.write(_done(outcomes))
    return SOME_FAILED if outcomes[Outcome.FAILED] else 0


class Progress:
    """Prints one line per failed item, and on a terminal a running count."""

    def __init__(self, total: int) -> None:
        self._total, self._count = total, 0

    def __call__(self, outcome: Outcome, item: ItemId) -> None:
        self._count += 1
        if outcome is Outcome.FAILED:
            sys.stdout.write(f"{item} could not be reprocessed and is unchanged.\n")
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{self._count} of {self._total} ")
            sys.stderr.flush()


def summary(survey: Survey, slots: int) -> str:
    """Return a text for operators: the number of stale items and, if receipts allow an estimate, the duration."""
    lines = [f"{survey.stale} of {survey.ready} ready items were made by another recipe than this release's."]
    if survey.restored:
        lines.append(f"{survey.restored} of them need no work: their files of this recipe are still there.")
    photos, videos = survey.by_kind[ItemKind.IMAGE], survey.by_kind[ItemKind.VIDEO]
    if photos.stale:
        lines.append(f"Photos: {photos.stale}. {_pace(photos.sampled, 'photo', photos.seconds, photos.amount)}")
    if videos.stale:
        video = f"{videos.stale} with {_length(videos.amount)} of video"
        lines.append(f"Videos: {video}. {_pace(videos.sampled, 'second of video', videos.seconds, videos.amount)}")
    if survey.seconds is None:
        lines.append("The duration cannot be estimated: no receipt has the durations of their processing.")
    elif survey.seconds:
        lines.append(
            f"About {_length(survey.seconds / slots)} with {slots} slot(s) of the bulk lane, while nothing new is "
            "uploaded; new uploads are processed first and delay it."
        )
    return "\n".join(lines) + "\n"


def _pace(sampled: int, unit: str, seconds: float | None, amount: float) -> str:
    if not sampled or seconds is None or not amount:
        return "No receipt has their durations."
    return f"{seconds / amount:.2f} s per {unit}, measured on {sampled} receipts."


def _length(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{max(1, round(seconds))} s"


def _done(outcomes: Counter[Outcome]) -> str:
    parts = [
        f"{outcomes[Outcome.REPROCESSED]} reprocessed",
        f"{outcomes[Outcome.RESTORED]} restored",
        f"{outcomes[Outcome.FAILED]} unchanged",
    ]
    if outcomes[Outcome.GONE]:
        parts.append(f"{outcomes[Outcome.GONE]} deleted meanwhile")
    return ", ".join(parts) + ".\n"
