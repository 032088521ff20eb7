"""How often strangers may try: limits by address and by where a request comes from."""

import hashlib

from app.stores.cache import Limit, Limits
from shared.problems import TooManyRequests

FAILED_SIGN_INS_OF_ADDRESS = Limit("sign-in-address", most=20, per_seconds=15 * 60)
FAILED_SIGN_INS_OF_CLIENT = Limit("sign-in-client", most=100, per_seconds=15 * 60)
TAKEN_ADDRESSES_OF_CLIENT = Limit("register-taken", most=20, per_seconds=60 * 60)
REGISTRATIONS_OF_CLIENT = Limit("register-client", most=500, per_seconds=60 * 60)


class Attempts:
    """Counts attempts before they are made, so that many at once are many, and gives back those that were honest."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def take_sign_in(self, email: str, client: str) -> None:
        """Raises TooManyRequests, the same for addresses that nobody has."""
        await self._take(FAILED_SIGN_INS_OF_CLIENT, client)
        await self._take(FAILED_SIGN_INS_OF_ADDRESS, email)

    async def give_back_sign_in(self, email: str, client: str) -> None:
        """The sign-in was no failure."""
        await self._limits.give_back(FAILED_SIGN_INS_OF_CLIENT, _digest(client))
        await self._limits.give_back(FAILED_SIGN_INS_OF_ADDRESS, _digest(email))

    async def take_registration(self, client: str) -> None:
        """Raises TooManyRequests."""
        await self._take(REGISTRATIONS_OF_CLIENT, client)
        await self._take(TAKEN_ADDRESSES_OF_CLIENT, client)

    async def give_back_registration(self, client: str) -> None:
        """The address was free: nothing was learned about anybody."""
        await self._limits.give_back(TAKEN_ADDRESSES_OF_CLIENT, _digest(client))

    async def _take(self, limit: Limit, who: str) -> None:
        seconds = await self._limits.take(limit, _digest(who))
        if seconds is not None:
            raise TooManyRequests("Too many attempts; try again later.", retry_after_seconds=seconds)


def _digest(who: str) -> str:
    """Neither addresses nor IP addresses lie in Redis in the clear, and every key is short."""
    return hashlib.sha256(who.encode()).hexdigest()[:32]
