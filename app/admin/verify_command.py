"""`darkroom verify`: run beside the service, with its settings, by whoever operates it."""

import argparse
import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from app.admin.verify import Verification, Verified
from app.logs import set_up_logs
from app.services import open_foundation
from app.settings import load_settings
from shared.problems import Unavailable
from shared.times import utc_now

FOUND, UNREACHABLE = 1, 3
LOCAL_ENVIRONMENT = "app.json"
"""What `darkroom up` leaves in its data folder: the environment of the app that it runs."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `verify` to the `darkroom` command."""
    parser = commands.add_parser(
        "verify",
        help="check every item's objects, digests and log (operators)",
        description="Checks rows, objects and logs against each other. Takes the app's settings from the environment, "
        "or, where they are absent, from the data folder of `darkroom up`.",
        epilog="Exit codes: 0 nothing found, 1 findings, 3 a store cannot be reached.",
    )
    parser.add_argument("--read", action="store_true", help="also read every original and compare its bytes")
    parser.add_argument("--json", action="store_true", help="print one object per finding")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    adopt_local_environment()
    set_up_logs()

    try:
        verified = asyncio.run(_verify(arguments.read))
    except Unavailable as problem:
        sys.stderr.write(f"{problem}\n")
        return UNREACHABLE
    for finding in verified.findings:
        line = (
            json.dumps(asdict(finding)) if arguments.json else f"{finding.kind}: {finding.subject}: {finding.message}"
        )
        sys.stdout.write(line + "\n")
    if not arguments.json:
        sys.stdout.write(
            f"{verified.items} items of {verified.accounts} accounts, {verified.objects} objects: "
            f"{len(verified.findings) or 'no'} findings\n"
        )
    return FOUND if verified.findings else 0


async def _verify(read: bool) -> Verified:
    """Raises Unavailable."""
    async with AsyncExitStack() as stack:
        base = await open_foundation(load_settings(), stack, utc_now)
        verification = Verification(base.item_store, base.event_store, base.amazon.objects, utc_now, read=read)
        try:
            return await verification.run()
        except* Unavailable as group:
            raise group.exceptions[0] from None


def adopt_local_environment() -> None:
    """Beside `darkroom up` nobody has set the app's variables: its data folder holds them."""
    if "DARKROOM_DATABASE_URL" in os.environ:
        return
    file = Path(os.environ.get("DARKROOM_DATA", ".darkroom"), LOCAL_ENVIRONMENT)
    if file.exists():
        os.environ.update(json.loads(file.read_text()))
