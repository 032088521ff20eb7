"""`darkroom admin rebuild-search`: read all items into the search index again while it is in use."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from app.events.service.projection import ProjectionUpdater
from app.events.wiring import build_projection_updater
from app.search.service.indexing import SearchIndex
from app.search.wiring import build_index
from app.services import open_foundation
from app.settings import Settings
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import Unavailable
from darkroom_shared.times import utc_now

UNREACHABLE, INTERRUPTED = 3, 130
PAGE_ACCOUNTS = 100


def rebuild_search(settings: Settings, arguments: argparse.Namespace) -> int:
    """Rebuild the search index of one or all accounts. Returns the exit code; starting it again is safe."""
    account = AccountId(arguments.account) if arguments.account else None
    try:
        count = asyncio.run(_rebuild(settings, account))
    except Unavailable as problem:
        sys.stderr.write(f"{problem}\nStart it again.\n")
        return UNREACHABLE
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Start it again.\n")
        return INTERRUPTED
    sys.stdout.write(f"The search index of {count} accounts is rebuilt.\n")
    return 0


async def _rebuild(settings: Settings, account: AccountId | None) -> int:
    async with AsyncExitStack() as stack:
        base = await open_foundation(settings, stack, utc_now)
        projection = build_index(base=base).projection
        updater, count = build_projection_updater(events=base.events, projections=[projection]), 0
        async for each in _one(account) if account else _all(updater, projection):
            await updater.rebuild(projection, each)
            count += 1
        return count


async def _one(account: AccountId) -> AsyncIterator[AccountId]:
    yield account


async def _all(updater: ProjectionUpdater, projection: SearchIndex) -> AsyncIterator[AccountId]:
    """Yield the accounts with a cursor; the workers enrol and fill the others."""
    last = ""
    while accounts := await updater.accounts(projection, last, PAGE_ACCOUNTS):
        for account in accounts:
            yield account
        last = accounts[-1]
