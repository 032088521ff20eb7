"""Run the verification for `darkroom verify`, and print its findings."""

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, replace

from app.accounts.store.accounts import AccountStore
from app.accounts.store.closed import ClosedAccounts
from app.admin.leftovers import AccountVerification, Leftovers
from app.admin.verify import Finding, Verification, Verified
from app.admin.verify_exports import ExportVerification
from app.admin.verify_index import IndexVerification
from app.albums.wiring import build_album_work
from app.comments.wiring import build_comment_work
from app.exports.store import ExportStore
from app.search.store.contents import IndexContents
from app.search.store.index import IndexStore
from app.services import open_foundation
from app.settings import Settings
from darkroom_process.logs import configure_logs
from darkroom_process.settings import settings_or_exit
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import Unavailable
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
        return leftovers.findings, f"{arguments.account}: {_fate(leftovers)}"
    verified = await _verify(settings, arguments.read)
    for account in verified.not_compared:
        sys.stderr.write(f"{account}: its search index is behind, and was not compared\n")
    summary = (
        f"{verified.items} items of {verified.accounts} accounts, {verified.objects} objects: "
        f"{len(verified.findings) or 'no'} findings"
    )
    return verified.findings, summary


def _fate(leftovers: Leftovers) -> str:
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
        closed = ClosedAccounts(base.database, utc_now)
        albums, comments = build_album_work(base=base).erasure, build_comment_work(base=base).erasure
        verification = AccountVerification(
            AccountStore(base.database),
            closed,
            base.items.store,
            ExportStore(base.amazon.dynamo),
            base.events.store,
            base.amazon.objects,
            (albums, comments, base.events.relational, IndexStore(base.database)),
        )
        return await verification.run(account)


async def _verify(settings: Settings, read: bool) -> Verified:
    """Raises Unavailable."""
    async with AsyncExitStack() as stack:
        base = await open_foundation(settings, stack, utc_now)
        verification = Verification(base.items.store, base.events.store, base.amazon.objects, utc_now, read=read)
        exports = ExportVerification(ExportStore(base.amazon.dynamo), base.amazon.objects, utc_now)
        contents = IndexContents(base.database)
        index = IndexVerification(base.items.store, base.events.store, base.events.cursors, contents)
        try:
            verified, indexed = await verification.run(), await index.run()
        except* Unavailable as group:
            raise group.exceptions[0] from None
        findings = (*verified.findings, *await exports.run(), *indexed.findings)
        return replace(verified, findings=findings, not_compared=indexed.not_compared)
