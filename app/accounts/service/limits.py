"""Rate limits for unauthenticated attempts, by email address and by client address, and for comments."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.stores.signals import Limit, Limits
from darkroom_shared.problems import TooManyRequests, Unavailable

FAILED_SIGN_INS_OF_ADDRESS = Limit("sign-in-address", maximum=20, per_seconds=15 * 60)
FAILED_SIGN_INS_OF_CLIENT = Limit("sign-in-client", maximum=100, per_seconds=15 * 60)
TAKEN_ADDRESSES_OF_CLIENT = Limit("register-taken", maximum=20, per_seconds=60 * 60)
REGISTRATIONS_OF_CLIENT = Limit("register-client", maximum=500, per_seconds=60 * 60)
COMMENTS_OF_ACCOUNT = Limit("comment", maximum=60, per_seconds=60)
FAILED_UNLOCKS_OF_SHARE = Limit("unlock-share", maximum=50, per_seconds=15 * 60)
FAILED_UNLOCKS_OF_CLIENT = Limit("unlock-client", maximum=100, per_seconds=15 * 60)


class Attempts:
    """Counts attempts before they are made, so that concurrent ones are counted, too, and subtracts successful ones."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    @asynccontextmanager
    async def sign_in(self, email: str, client: str) -> AsyncIterator[None]:
        """Count the `async with` block as one sign-in attempt. Raises TooManyRequests, also for unknown addresses."""
        async with self._counted(FAILED_SIGN_INS_OF_CLIENT, client), self._counted(FAILED_SIGN_INS_OF_ADDRESS, email):
            yield

    @asynccontextmanager
    async def registration(self, client: str) -> AsyncIterator[None]:
        """Count the `async with` block as one attempt to learn whether an address is free. Raises TooManyRequests."""
        await self._take(REGISTRATIONS_OF_CLIENT, client)
        async with self._counted(TAKEN_ADDRESSES_OF_CLIENT, client):
            yield

    @asynccontextmanager
    async def unlocking(self, share: str, client: str) -> AsyncIterator[None]:
        """Count the `async with` block as one attempt at a share link's password. Raises TooManyRequests."""
        async with self._counted(FAILED_UNLOCKS_OF_CLIENT, client), self._counted(FAILED_UNLOCKS_OF_SHARE, share):
            yield

    async def comment(self, account: str) -> None:
        """Count one comment, because each one notifies many people. Raises TooManyRequests."""
        await self._take(COMMENTS_OF_ACCOUNT, account)

    @asynccontextmanager
    async def _counted(self, limit: Limit, identifier: str) -> AsyncIterator[None]:
        """Count the block if it raises or is cancelled. An attempt that succeeds, or that could not be made because of
        a limit or an outage, reveals nothing to the caller and is subtracted again."""
        await self._take(limit, identifier)
        try:
            yield
        except (TooManyRequests, Unavailable):
            await self._limits.refund(limit, _digest(identifier))
            raise
        await self._limits.refund(limit, _digest(identifier))

    async def _take(self, limit: Limit, identifier: str) -> None:
        seconds = await self._limits.take(limit, _digest(identifier))
        if seconds is not None:
            raise TooManyRequests("Too many attempts; try again later.", retry_after_seconds=seconds)


def _digest(identifier: str) -> str:
    """Hash the identifier, so that Redis holds no email or IP addresses and all keys are short."""
    return hashlib.sha256(identifier.encode()).hexdigest()[:32]
