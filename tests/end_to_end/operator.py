"""The operator of a running Darkroom, at a terminal on its machine."""

import asyncio
import subprocess

from darkroom_client.client import DarkroomClient
from darkroom_shared.ids import new_ulid
from tests.installation import COMMAND, Installation

PASSWORD = "a long enough password"
COMMAND_SECONDS = 180


async def admin(darkroom: Installation, *words: str) -> str:
    """Run `darkroom admin`, which must succeed, and return its output."""
    done = await asyncio.to_thread(_run, darkroom, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _run(darkroom: Installation, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own command
        ["env", f"DARKROOM_DATA={darkroom.folder}", COMMAND, "admin", *words],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


async def enter(client: DarkroomClient) -> str:
    """Register a new user and sign in; return the account's id."""
    email = f"{new_ulid().lower()}@example.com"
    account = await client.sessions.register(email, PASSWORD)
    await client.sessions.sign_in(email, PASSWORD)
    return account.id
