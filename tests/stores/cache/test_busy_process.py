"""A process that is busy for longer than Redis's time limit, on a machine that it shares with Redis."""

import time
from dataclasses import replace

from app.stores.cache.connection import Connection
from app.stores.cache.replies import encode
from tests.redis_pair import RedisPair
from tests.stores.cache.cache_harness import STEADY

REPLY_SECONDS = 1.0
SLOW = encode(b"BLPOP", b"nothing", b"0.2")
"""Takes a fifth of a second, which is within the limit."""


async def test_a_redis_without_cpu_while_the_app_was_busy_is_not_dropped(valkey_pair: RedisPair) -> None:
    """The same happens when a thousand requests arrive together."""
    connection = await Connection.open(valkey_pair.primary.url, replace(STEADY, reply_seconds=REPLY_SECONDS))
    valkey_pair.primary.freeze()
    responses = connection.send(SLOW, 1)
    time.sleep(2 * REPLY_SECONDS)  # noqa: ASYNC251 - the app is busy
    valkey_pair.primary.thaw()

    assert await responses == [None]
    connection.close("done")
