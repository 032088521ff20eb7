"""Nudges and limits on a real Valkey, and that no call fails while it is unreachable."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.stores.nudge_sender import MAX_RESENT
from app.stores.signals import Limit, Signals
from darkroom_shared.ids import new_ulid
from tests.servers import free_port, running, valkey_command


@pytest.fixture
async def pair(valkey_url: str) -> AsyncIterator[tuple[Signals, Signals]]:
    """The signals of two processes."""
    async with Signals(valkey_url) as one, Signals(valkey_url) as other:
        yield one, other


@pytest.fixture
def channel() -> str:
    return f"events:acc_{new_ulid()}"


@pytest.fixture
def who() -> str:
    return new_ulid()


@asynccontextmanager
async def _listening(signals: Signals, channel: str) -> AsyncIterator[asyncio.Event]:
    """Listen to the channel; enter the block when the subscription is confirmed."""
    async with signals.nudges.listen(channel) as nudged:
        await nudged.wait()
        nudged.clear()
        yield nudged


async def _publish(publisher: Signals, channel: str, nudged: asyncio.Event) -> None:
    """Send nudges until one is received: a nudge is lost if Redis does not reply in time."""
    while not nudged.is_set():
        await publisher.nudge(channel)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await nudged.wait()


async def test_a_nudge_reaches_every_listener_of_its_channel_in_every_process(
    pair: tuple[Signals, Signals], channel: str
) -> None:
    one, other = pair
    async with (
        _listening(one, channel) as first,
        one.nudges.listen(channel) as second,
        _listening(other, channel) as third,
    ):
        await asyncio.gather(*(_publish(other, channel, nudged) for nudged in (first, second, third)))


async def test_a_nudge_wakes_no_other_channel(pair: tuple[Signals, Signals], channel: str) -> None:
    one, other = pair
    async with _listening(one, channel) as mine, _listening(one, channel + "x") as another:
        await other.nudge(channel)
        await mine.wait()
        assert not another.is_set()


async def test_a_listener_that_stops_is_unsubscribed(
    pair: tuple[Signals, Signals], channel: str, valkey_url: str
) -> None:
    async with Redis.from_url(valkey_url) as redis:
        async with _listening(pair[0], channel):
            assert await _subscribers(redis, channel) == 1
        while await _subscribers(redis, channel):  # noqa: ASYNC110 - no event of the server
            await asyncio.sleep(0.01)


async def _subscribers(redis: Redis, channel: str) -> int:
    ((_name, count),) = await redis.pubsub_numsub(channel)
    return int(count)


async def test_many_channels_subscribe_and_unsubscribe_over_one_connection(
    pair: tuple[Signals, Signals], channel: str
) -> None:
    one, other = pair

    async def record(number: int) -> None:
        async with _listening(one, f"{channel}-{number}") as nudged:
            await _publish(other, f"{channel}-{number}", nudged)

    await asyncio.gather(*(record(number) for number in range(100)))


async def test_a_quiet_connection_stays_open(valkey_url: str, channel: str) -> None:
    async with Signals(valkey_url, max_idle_seconds=0.4) as signals, _listening(signals, channel) as nudged:
        for _ in range(2):
            await asyncio.sleep(1)  # two pings and their replies; a busy machine may delay one of them
            assert not nudged.is_set()  # a new subscription would have set it
            await signals.nudge(channel)
            await nudged.wait()
            nudged.clear()


async def test_nudges_resume_with_redis_and_reconnecting_wakes_the_listeners(tmp_path: Path, channel: str) -> None:
    port = free_port()
    command = valkey_command(port, tmp_path)
    async with Signals(f"redis://127.0.0.1:{port}/0") as signals:
        with running(command, "Ready to accept connections"):
            entered = _listening(signals, channel)
            nudged = await entered.__aenter__()
        await signals.nudge(channel)
        with running(command, "Ready to accept connections"):
            await nudged.wait()
            nudged.clear()
            await signals.nudge(channel)
            await nudged.wait()
        await entered.__aexit__(None, None, None)


async def test_an_unresponsive_redis_is_dropped_and_reconnected(tmp_path: Path, channel: str) -> None:
    port = free_port()
    with running(valkey_command(port, tmp_path), "Ready to accept connections") as server:
        async with (
            Signals(f"redis://127.0.0.1:{port}/0", max_idle_seconds=0.2) as signals,
            _listening(signals, channel) as nudged,
        ):
            server.process.send_signal(signal.SIGSTOP)
            try:
                assert await signals.limits.take(Limit("frozen", 1, 60), "me") is None
                await asyncio.sleep(1)
                assert not nudged.is_set()
            finally:
                server.process.send_signal(signal.SIGCONT)
            await nudged.wait()


async def test_a_nudge_during_a_redis_outage_is_received_locally_and_elsewhere_later(
    tmp_path: Path, channel: str
) -> None:
    port = free_port()
    with running(valkey_command(port, tmp_path), "Ready to accept connections") as server:
        url = f"redis://127.0.0.1:{port}/0"
        async with (
            Signals(url) as here,
            Signals(url) as elsewhere,
            _listening(here, channel) as received_here,
            _listening(elsewhere, channel) as received_elsewhere,
        ):
            server.process.send_signal(signal.SIGSTOP)
            try:
                await here.nudge(channel)
                assert received_here.is_set()
                assert not received_elsewhere.is_set()
            finally:
                server.process.send_signal(signal.SIGCONT)
            async with asyncio.timeout(60):
                while not received_elsewhere.is_set():
                    await here.nudge("events:another")
                    await asyncio.sleep(0.05)


async def test_nudges_of_an_outage_are_sent_in_few_round_trips(tmp_path: Path, channel: str) -> None:
    port = free_port()
    with running(valkey_command(port, tmp_path), "Ready to accept connections") as server:
        url = f"redis://127.0.0.1:{port}/0"
        async with Signals(url) as here, Redis.from_url(url) as redis, redis.pubsub() as subscriber:
            await subscriber.psubscribe(f"{channel}-*")
            server.process.send_signal(signal.SIGSTOP)
            try:
                await asyncio.gather(*(here.nudge(f"{channel}-{number}") for number in range(MAX_RESENT)))
            finally:
                server.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.5)  # what the interrupted nudges have sent is read now
            reads = (await redis.info("stats"))["total_reads_processed"]
            received: set[bytes] = set()
            async with asyncio.timeout(60):
                await here.nudge("events:another")
                assert (await redis.info("stats"))["total_reads_processed"] - reads < MAX_RESENT / 2
                while len(received) < MAX_RESENT:
                    message = await subscriber.get_message(timeout=1)
                    if message is None:
                        await here.nudge("events:another")  # if the first one was not in time
                    elif message["type"] == "pmessage":
                        received.add(message["channel"])


async def test_without_redis_no_call_fails_and_every_limit_passes(channel: str, who: str) -> None:
    async with Signals(f"redis://127.0.0.1:{free_port()}/0") as signals, signals.nudges.listen(channel) as nudged:
        await signals.nudge("events:another")
        for _ in range(3):
            assert await signals.limits.take(Limit("nowhere", 1, 60), who) is None
        await signals.limits.refund(Limit("nowhere", 1, 60), who)
        assert not nudged.is_set()
        await signals.nudge(channel)
        assert nudged.is_set()


async def test_a_limit_holds_over_processes_and_for_concurrent_requests(
    pair: tuple[Signals, Signals], who: str
) -> None:
    limit = Limit("together", maximum=10, per_seconds=60)

    responses = await asyncio.gather(*(pair[number % 2].limits.take(limit, who) for number in range(40)))

    assert responses.count(None) == 10
    assert all(response is None or 0 < response <= 60 for response in responses)


async def test_each_limit_and_each_client_is_counted_separately(pair: tuple[Signals, Signals], who: str) -> None:
    limits = pair[0].limits
    one, other = Limit("one", 1, 60), Limit("other", 1, 60)

    assert await limits.take(one, who) is None
    assert await limits.take(one, who + "x") is None
    assert await limits.take(other, who) is None
    assert await limits.take(one, who) is not None


async def test_a_refunded_call_may_be_made_once_more(pair: tuple[Signals, Signals], who: str) -> None:
    limit, limits = Limit("back", 2, 60), pair[0].limits
    for _ in range(2):
        await limits.take(limit, who)

    await limits.refund(limit, who)

    assert await limits.take(limit, who) is None
    assert await limits.take(limit, who) is not None


async def test_a_refund_without_a_call_allows_no_further_call(pair: tuple[Signals, Signals], who: str) -> None:
    limit, limits = Limit("never", 1, 60), pair[0].limits

    await limits.refund(limit, who)

    assert await limits.take(limit, who) is None
    assert await limits.take(limit, who) is not None


async def test_the_window_begins_with_the_first_permit_and_expires(pair: tuple[Signals, Signals], who: str) -> None:
    limit, limits = Limit("window", 1, 1), pair[0].limits
    assert await limits.take(limit, who) is None

    while await limits.take(limit, who) is not None:  # noqa: ASYNC110 - no event of the server
        await asyncio.sleep(0.05)


async def test_every_key_expires(pair: tuple[Signals, Signals], who: str, valkey_url: str) -> None:
    limit, limits = Limit("expiring", 5, 60), pair[0].limits
    for _ in range(3):
        await limits.take(limit, who)
    await limits.refund(limit, who)

    async with Redis.from_url(valkey_url) as redis:
        assert 0 < await redis.pttl(limit.key(who)) <= 60_000


async def test_signals_close_promptly_at_any_moment(valkey_url: str, channel: str) -> None:
    for turns in range(100):
        async with (
            asyncio.timeout(60),
            Signals(valkey_url, max_idle_seconds=60) as signals,
            signals.nudges.listen(channel),
        ):
            for _ in range(turns):
                await asyncio.sleep(0)


async def test_signals_close_while_redis_starts_and_stops(tmp_path: Path, channel: str) -> None:
    port = free_port()
    for turns in range(5):
        async with (
            asyncio.timeout(60),
            Signals(f"redis://127.0.0.1:{port}/0") as signals,
            signals.nudges.listen(channel),
        ):
            with running(valkey_command(port, tmp_path), "Ready to accept connections"):
                await asyncio.sleep(turns / 50)
