"""A process that is busy for longer than Redis may take, on a machine that Redis has to share with it."""

import time
from dataclasses import replace

from app.stores.cache.connection import Connection
from app.stores.cache.replies import encode
from tests.redis_pair import RedisPair
from tests.stores.cache.cache_harness import STEADY

REPLY_SECONDS = 1.0
SLOW = encode(b"BLPOP", b"nothing", b"0.2")
"""Answered in a fifth of a second, which is in time."""


async def test_a_redis_that_got_no_processor_while_the_app_was_busy_is_not_given_up(valkey_pair: RedisPair) -> None:
    """As when a thousand requests come at once."""
    connection = await Connection.open(valkey_pair.primary.url, replace(STEADY, reply_seconds=REPLY_SECONDS))
    valkey_pair.primary.freeze()
    responses = connection.send(SLOW, 1)
    time.sleep(2 * REPLY_SECONDS)  # noqa: ASYNC251 - the app is busy
    valkey_pair.primary.thaw()

    assert await responses == [None]
    connection.close("done")
