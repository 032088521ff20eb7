"""Count attempts of a caller and refuse more than a limit allows."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.stores.signals import Limit, Limits
from darkroom_shared.problems import TooManyRequests, Unavailable


class AttemptLimits:
    """Counts attempts before they are made, so that concurrent ones are counted, too."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def take(self, limit: Limit, identifier: str) -> None:
        """Count one attempt. Raises TooManyRequests."""
        seconds = await self._limits.take(limit, _digest(identifier))
        if seconds is not None:
            raise TooManyRequests("Too many attempts; try again later.", retry_after_seconds=seconds)

    @asynccontextmanager
    async def failures(self, limit: Limit, identifier: str) -> AsyncIterator[None]:
        """Count the block if it raises or is cancelled. Raises TooManyRequests.

        An attempt that succeeds, or that could not be made because of a limit or an outage, reveals nothing to the
        caller and is subtracted again.
        """
        await self.take(limit, identifier)
        try:
            yield
        except (TooManyRequests, Unavailable):
            await self._limits.refund(limit, _digest(identifier))
            raise
        await self._limits.refund(limit, _digest(identifier))


def _digest(identifier: str) -> str:
    """Hash the identifier, so that Redis holds no email or IP addresses and all keys are short."""
    return hashlib.sha256(identifier.encode()).hexdigest()[:32]
