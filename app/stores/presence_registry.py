"""Registry of live processes in Redis: each posts a notice, which expires unless it is repeated."""

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

REPLY_SECONDS = 1.0

# Redis's own clock is the only one that all processes share. The sorted set expires with its last notice.
_POST = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('EXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1
"""
_READ = "return redis.call('ZRANGEBYSCORE', KEYS[1], redis.call('TIME')[1], '+inf')"


class PresenceRegistry:
    """`execute` awaits a call of Redis for at most the given seconds, and returns None if there was no reply."""

    def __init__(self, redis: Redis, execute: Callable[[Awaitable[Any], float], Awaitable[Any]]) -> None:
        self._redis, self._execute = redis, execute

    async def post(self, registry: str, notice: str, *, seconds: int) -> None:
        """Post a notice, or extend the same one. Without Redis the notice is dropped."""
        await self._execute(self._redis.eval(_POST, 1, _key(registry), notice, seconds), REPLY_SECONDS)

    async def read(self, registry: str) -> tuple[str, ...] | None:
        """Return the current notices, or None if Redis did not reply."""
        notices = await self._execute(self._redis.eval(_READ, 1, _key(registry)), REPLY_SECONDS)
        return None if notices is None else tuple(notice.decode() for notice in notices)


def _key(registry: str) -> str:
    return f"board:{registry}"
