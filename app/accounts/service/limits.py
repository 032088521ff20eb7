"""Rate limits for unauthenticated attempts, by email address and by client address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.stores.attempt_limits import AttemptLimits
from app.stores.signals import Limit, Limits

FAILED_SIGN_INS_OF_ADDRESS = Limit("sign-in-address", maximum=20, per_seconds=15 * 60)
FAILED_SIGN_INS_OF_CLIENT = Limit("sign-in-client", maximum=100, per_seconds=15 * 60)
TAKEN_ADDRESSES_OF_CLIENT = Limit("register-taken", maximum=20, per_seconds=60 * 60)
REGISTRATIONS_OF_CLIENT = Limit("register-client", maximum=500, per_seconds=60 * 60)


class Attempts:
    """Attempts to sign in and to register."""

    def __init__(self, limits: Limits) -> None:
        self._limits = AttemptLimits(limits)

    @asynccontextmanager
    async def sign_in(self, email: str, client: str) -> AsyncIterator[None]:
        """Count the `async with` block as one sign-in attempt. Raises TooManyRequests, also for unknown addresses."""
        async with (
            self._limits.failures(FAILED_SIGN_INS_OF_CLIENT, client),
            self._limits.failures(FAILED_SIGN_INS_OF_ADDRESS, email),
        ):
            yield

    @asynccontextmanager
    async def registration(self, client: str) -> AsyncIterator[None]:
        """Count the `async with` block as one attempt to learn whether an address is free. Raises TooManyRequests."""
        await self._limits.take(REGISTRATIONS_OF_CLIENT, client)
        async with self._limits.failures(TAKEN_ADDRESSES_OF_CLIENT, client):
            yield
