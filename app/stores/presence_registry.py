"""Notices that processes pin up about themselves in Redis; each falls off unless it is repeated."""

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

REPLY_SECONDS = 1.0

# By Redis's own clock, the only one that all processes share. The board itself vanishes with its last notice.
_POST = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('EXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1
"""
_READ = "return redis.call('ZRANGEBYSCORE', KEYS[1], redis.call('TIME')[1], '+inf')"


class PresenceRegistry:
    """`ask` awaits a call of Redis for so many seconds, and gives None when there was no answer."""

    def __init__(self, redis: Redis, execute: Callable[[Awaitable[Any], float], Awaitable[Any]]) -> None:
        self._redis, self._request = redis, execute

    async def post(self, registry: str, notice: str, *, seconds: int) -> None:
        """Again: the same notice stays longer. Without Redis nobody reads it."""
        await self._request(self._redis.eval(_POST, 1, _key(registry), notice, seconds), REPLY_SECONDS)

    async def read(self, registry: str) -> tuple[str, ...] | None:
        """None when Redis cannot say."""
        notices = await self._request(self._redis.eval(_READ, 1, _key(registry)), REPLY_SECONDS)
        return None if notices is None else tuple(notice.decode() for notice in notices)


def _key(registry: str) -> str:
    return f"board:{registry}"
