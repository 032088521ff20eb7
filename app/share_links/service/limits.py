"""Rate limits for attempts at the passwords of share links, by link and by client address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.stores.attempt_limits import AttemptLimits
from app.stores.signals import Limit, Limits

FAILED_UNLOCKS_OF_SHARE = Limit("unlock-share", maximum=50, per_seconds=15 * 60)
FAILED_UNLOCKS_OF_CLIENT = Limit("unlock-client", maximum=100, per_seconds=15 * 60)


class UnlockAttempts:
    """Attempts at the passwords of share links."""

    def __init__(self, limits: Limits) -> None:
        self._limits = AttemptLimits(limits)

    @asynccontextmanager
    async def unlocking(self, share: str, client: str) -> AsyncIterator[None]:
        """Count the `async with` block as one attempt at a share link's password. Raises TooManyRequests."""
        async with (
            self._limits.failures(FAILED_UNLOCKS_OF_CLIENT, client),
            self._limits.failures(FAILED_UNLOCKS_OF_SHARE, share),
        ):
            yield
