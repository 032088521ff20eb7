"""Run the verification for `darkroom verify`, and print its findings."""

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, replace

from app.admin.service.leftovers import Leftovers
from app.admin.service.verify import Finding, Verified
from app.admin.wiring import build_account_verification, build_verifications
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
        return await build_account_verification(base=base).run(account)


async def _verify(settings: Settings, read: bool) -> Verified:
    """Compare the stores with each other. Raises Unavailable."""
    async with AsyncExitStack() as stack:
        verifications = build_verifications(base=await open_foundation(settings, stack, utc_now), read=read)
        with unwrapped(Unavailable):
            verified, indexed = await verifications.items.run(), await verifications.index.run()
        findings = (*verified.findings, *await verifications.exports.run(), *indexed.findings)
        return replace(verified, findings=findings, not_compared=indexed.not_compared)
