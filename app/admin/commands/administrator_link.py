"""`administrator-link`: print the one-time link with which the first administrator makes their account."""

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack

from app.accounts.wiring import build_administrator_links, open_passwords
from app.database import open_database
from app.settings import Settings
from app.stores.cache.cache import Cache
from darkroom_shared.problems import Unavailable
from darkroom_shared.times import utc_now

UNREACHABLE = 3
ACCOUNT_EXISTS = (
    "An account exists, or existed: there is no link for the first administrator. "
    "`create-account --administrator` makes another one.\n"
)


def print_administrator_link(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print a new link to stdout, and only there. The previous one becomes invalid. Returns the exit code."""
    try:
        token = asyncio.run(_issue(settings))
    except Unavailable as problem:
        sys.stderr.write(f"{problem}\n")
        return UNREACHABLE
    # After `#`: a browser sends this part to no server, so that no log of a proxy has it.
    sys.stdout.write(ACCOUNT_EXISTS if token is None else f"{arguments.url}/#administrator={token}\n")
    return 0


async def _issue(settings: Settings) -> str | None:
    async with AsyncExitStack() as stack:
        database = open_database(settings)
        stack.push_async_callback(database.close)
        cache = Cache(database, settings.redis_url.get_secret_value(), mode=settings.cache)
        passwords = open_passwords(stack)
        links = build_administrator_links(database=database, cache=cache, passwords=passwords, clock=utc_now)
        return await links.issue()
