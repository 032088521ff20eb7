"""Run the verification for `darkroom verify`, and print its findings."""

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, replace

from app.accounts.wiring import build_account_rows, build_closed_accounts
from app.admin.leftovers import AccountVerification, Counted, Leftovers
from app.admin.verify import Finding, Verification, Verified
from app.admin.verify_exports import ExportVerification
from app.admin.verify_index import IndexVerification
from app.albums.wiring import build_album_work
from app.comments.wiring import build_comment_work
from app.exports.wiring import build_export_rows, build_export_work
from app.items.wiring import build_item_store, build_item_work
from app.search.wiring import build_index, build_index_contents
from app.services import open_foundation
from app.settings import Settings
from darkroom_process.logs import configure_logs
from darkroom_process.settings import settings_or_exit
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import unwrapped
from darkroom_shared.times import to_rfc3339, utc_now

FINDINGS, UNREACHABLE = 1, 3


def verify(arguments: argparse.Namespace) -> int:
    """Return the exit code."""
    settings = settings_or_exit(Settings)
    configure_logs()

    try:
        findings, summary = asyncio.run(_run_verification(settings, arguments))
    except Unavailable as problem:
        sys.stderr.write(f"{problem}\n")
        return UNREACHABLE
    for finding in findings:
        line = (
            json.dumps(asdict(finding)) if arguments.json else f"{finding.kind}: {finding.subject}: {finding.message}"
        )
        sys.stdout.write(line + "\n")
    if not arguments.json:
        sys.stdout.write(summary + "\n")
    return FINDINGS if findings else 0


async def _run_verification(settings: Settings, arguments: argparse.Namespace) -> tuple[tuple[Finding, ...], str]:
    """Return the findings and a one-line summary. Raises Unavailable."""
    if arguments.account is not None:
        leftovers = await _verify_account(settings, arguments.account)
        return leftovers.findings, f"{arguments.account}: {_account_summary(leftovers)}"
    verified = await _verify(settings, arguments.read)
    for account in verified.not_compared:
        sys.stderr.write(f"{account}: its search index is behind, and was not compared\n")
    summary = (
        f"{verified.items} items of {verified.accounts} accounts, {verified.objects} objects: "
        f"{len(verified.findings) or 'no'} findings"
    )
    return verified.findings, summary


def _account_summary(leftovers: Leftovers) -> str:
    left = "nothing is left" if not leftovers.findings else "something is left"
    closed = leftovers.closed
    if closed is None:
        return f"not closed; {left}"
    had = ""
    if closed.counts is not None:
        had = f" It had {closed.counts.items} items, {closed.counts.bytes} bytes, {closed.counts.events} events."
    if closed.erased_at is None:
        return f"closed at {to_rfc3339(closed.closed_at)}, and being erased; {left}.{had}"
    return f"erased at {to_rfc3339(closed.erased_at)}; {left}.{had}"


async def _verify_account(settings: Settings, account: AccountId) -> Leftovers:
    async with AsyncExitStack() as stack:
        base = await open_foundation(settings, stack, utc_now)
        counted: list[Counted] = [
            build_account_rows(clients=base.clients),
            build_item_work(clients=base.clients, parts=base.items).erasure,
            build_export_work(base=base).erasure,
            base.events.erasure,
            build_album_work(base=base).erasure,
            build_comment_work(base=base).erasure,
            base.events.relational,
            build_index(base=base).index,
        ]
        closed = build_closed_accounts(clients=base.clients)
        verification = AccountVerification(closed=closed, counted=counted, objects=base.amazon.objects)
        return await verification.run(account)


async def _verify(settings: Settings, read: bool) -> Verified:
    """Compare the stores with each other. Raises Unavailable."""
    async with AsyncExitStack() as stack:
        base = await open_foundation(settings, stack, utc_now)
        items = build_item_store(clients=base.clients)
        verification = Verification(
            items=items, events=base.events.store, objects=base.amazon.objects, clock=utc_now, read=read
        )
        exports = ExportVerification(build_export_rows(base=base), base.amazon.objects, utc_now)
        contents = build_index_contents(base=base)
        index = IndexVerification(items=items, events=base.events.store, cursors=base.events.cursors, contents=contents)
        with unwrapped(Unavailable):
            verified, indexed = await verification.run(), await index.run()
        findings = (*verified.findings, *await exports.run(), *indexed.findings)
        return replace(verified, findings=findings, not_compared=indexed.not_compared)
