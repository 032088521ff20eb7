"""Read the web tier's log from a test, whose server runs in another thread."""

import asyncio
from collections.abc import MutableMapping, Sequence
from typing import Any

WAIT_SECONDS = 60.0


async def forwarded(entries: Sequence[MutableMapping[str, Any]]) -> MutableMapping[str, Any]:
    """Return the entry of the first forwarded request. It is written after the response, so wait for it."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            for entry in entries:
                if entry["event"] == "request.forwarded":
                    return entry
            await asyncio.sleep(0.01)
