"""What Redis does besides caching: nudges between processes, limits, presence. No call fails while Redis is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError

from app.jobs.backoff import Backoff
from app.jobs.loop import keep_running
from app.stores.nudge_sender import NUDGE_SECONDS, NudgeSender
from app.stores.presence_registry import PresenceRegistry
from darkroom_process.crash_log import log_crash
from darkroom_shared.task_group import TaskGroup

CONNECTIONS = 50
CONNECT_SECONDS = 1.0
REPLY_SECONDS = 0.5
LIMIT_SECONDS = 1.0
"""Maximum wait of a request until Redis has counted it; then it is allowed. With less, a busy machine would enforce no
limit."""
OUTAGE_LIMIT_SECONDS = 0.1
"""The time limit while Redis has not replied to the last call."""
RETRIES = 2
MAX_IDLE_SECONDS = 5.0
"""After this time without a message the nudges' connection is pinged."""
FIRST_RECONNECT_SECONDS = 0.1
MAX_RECONNECT_SECONDS = 2.0
CANCEL_AGAIN_SECONDS = 0.5

_BROADCAST = "nudges"
"""Always subscribed, so that the connection stays in subscriber mode."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `maximum` within a window of `per_seconds` that begins with the first."""

    name: str
    maximum: int
    per_seconds: int

    def key(self, identifier: str) -> str:
        return f"limit:{self.name}:{identifier}"


class Limits:
    """Counters shared by all processes. Without Redis every call passes."""

    def __init__(self, redis: Redis, availability: "_Availability") -> None:
        self._redis, self._availability = redis, availability

    async def take(self, limit: Limit, identifier: str) -> int | None:
        """Count one call. Returns None if it is within the limit, else the seconds until the next one may pass."""
        return await self._count(limit, identifier, 1)

    async def refund(self, limit: Limit, identifier: str) -> None:
        """Undo one `take`."""
        await self._count(limit, identifier, -1)

    async def _count(self, limit: Limit, identifier: str, amount: int) -> int | None:
        call = self._redis.eval(_COUNT, 1, limit.key(identifier), amount, limit.maximum, limit.per_seconds * 1000)
        milliseconds = await self._availability.execute(call, LIMIT_SECONDS)
        return None if not milliseconds else -(-int(milliseconds) // 1000)


# Returns 0 if the call is within the limit, else the milliseconds until the window ends. The expiry is set in the same
# step.
_COUNT = """
local amount, maximum = tonumber(ARGV[1]), tonumber(ARGV[2])
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = redis.call('PTTL', KEYS[1])
if amount >= 0 and used + math.max(amount, 1) > maximum then
    if left > 0 then return left end
    return tonumber(ARGV[3])
end
if used + amount > 0 and amount ~= 0 then
    redis.call('SET', KEYS[1], used + amount, 'PX', left > 0 and left or ARGV[3])
elseif amount < 0 then
    redis.call('DEL', KEYS[1])
end
return 0
"""


class Nudges:
    """Receives nudges for all listeners of this process over one connection, which reconnects by itself."""

    def __init__(self, redis: Redis, availability: "_Availability", max_idle_seconds: float) -> None:
        self._redis, self._availability, self._max_idle_seconds = redis, availability, max_idle_seconds
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self._subscribers: dict[str, list[Callable[[bytes], None]]] = {}
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set by each nudge on the channel, and whenever nudges may have been missed.

        The listener clears it. It may be set without a cause, and may stay unset while Redis is unavailable.
        """
        nudged = asyncio.Event()
        self._listeners.setdefault(channel, set()).add(nudged)
        self._changed.set()
        try:
            yield nudged
        finally:
            self._listeners[channel].discard(nudged)
            if not self._listeners[channel]:
                del self._listeners[channel]
                self._changed.set()

    @contextmanager
    def subscribe(self, channel: str, take: Callable[[bytes], None]) -> Iterator[None]:
        """Call `take` with every message received on the channel; it must neither wait nor raise."""
        self._subscribers.setdefault(channel, []).append(take)
        self._changed.set()
        try:
            yield
        finally:
            self._subscribers[channel].remove(take)
            if not self._subscribers[channel]:
                del self._subscribers[channel]
                self._changed.set()

    async def run(self) -> None:
        """Keep the connection open until the task is cancelled."""
        backoff = Backoff(FIRST_RECONNECT_SECONDS, MAX_RECONNECT_SECONDS)

        async def stay_connected() -> None:
            try:
                async with self._redis.pubsub() as connection, TaskGroup() as tasks:
                    with _cancellable():
                        async with asyncio.timeout(CONNECT_SECONDS):
                            await connection.subscribe(_BROADCAST)
                    backoff.succeeded()
                    tasks.create_task(self._sync_subscriptions(connection))
                    tasks.create_task(self._receive(connection))
            except* (RedisError, OSError) as error:
                self._availability.mark_unavailable(error.exceptions[0])

        await keep_running("nudges", backoff, asyncio.Event(), stay_connected)

    async def _sync_subscriptions(self, connection: PubSub) -> None:
        subscribed: set[str] = set()
        while True:
            self._changed.clear()
            channels = self._listeners.keys() | self._subscribers.keys()
            with _cancellable():
                async with asyncio.timeout(CONNECT_SECONDS):
                    if new := channels - subscribed:
                        await connection.subscribe(*new)
                    if old := subscribed - channels:
                        await connection.unsubscribe(*old)
            subscribed = channels
            await self._changed.wait()

    async def _receive(self, connection: PubSub) -> None:
        pinged = False
        while True:
            with _cancellable():
                message: dict[str, Any] | None = await connection.get_message(timeout=self._max_idle_seconds)
            if message is not None:
                pinged = False
                self._availability.mark_available()
                if message["type"] in ("message", "subscribe"):
                    # A confirmed subscription wakes listeners, too: messages from before it are lost.
                    self.wake(message["channel"].decode())
                if message["type"] == "message":
                    for take in tuple(self._subscribers.get(message["channel"].decode(), ())):
                        take(message["data"])
            elif pinged:
                raise RedisConnectionError("no reply to a ping")
            else:
                pinged = True
                with _cancellable():
                    async with asyncio.timeout(CONNECT_SECONDS):
                        await connection.ping()

    def wake(self, channel: str) -> None:
        """Set the events of this process's listeners."""
        for nudged in self._listeners.get(channel, ()):
            nudged.set()


class Signals:
    """Limits, nudges and presence of one process, open as a context. No call raises because Redis is unavailable."""

    def __init__(
        self, url: str, *, password_file: Path | None = None, max_idle_seconds: float = MAX_IDLE_SECONDS
    ) -> None:
        self._redis = Redis.from_pool(
            _pool(url, password_file, Retry(ExponentialWithJitterBackoff(cap=0.1, base=0.01), RETRIES))
        )
        # Without retries here, because the loop of `Nudges.run` retries.
        self._nudges_redis = Redis.from_pool(_pool(url, password_file, Retry(NoBackoff(), 0)))
        self._availability = _Availability()
        self.limits = Limits(self._redis, self._availability)
        self.nudges = Nudges(self._nudges_redis, self._availability, max_idle_seconds)
        self._sender = NudgeSender(self._redis, self._availability.execute)
        self.presence = PresenceRegistry(self._redis, self._availability.execute)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.nudges.run())
        self._task.add_done_callback(log_crash("nudges.crashed"))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        while self._task is not None and not self._task.done():
            # Repeated, because a TaskGroup whose connection breaks at this moment raises that error, not the
            # cancellation.
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_AGAIN_SECONDS)
        await self._nudges_redis.aclose()
        await self._redis.aclose()

    async def nudge(self, channel: str) -> None:
        """Wake all listeners on the channel, in every process.

        Without Redis only this process's listeners wake; the others do so with the first nudges that Redis accepts
        again.
        """
        if not await self._sender.send(channel):
            self.nudges.wake(channel)

    async def publish(self, channel: str, message: bytes) -> None:
        """Send a message to the channel's current subscribers in every process; without Redis it is dropped."""
        await self._availability.execute(self._redis.publish(channel, message), NUDGE_SECONDS)


@contextmanager
def _cancellable() -> Iterator[None]:
    """Raise a swallowed cancellation: the client uses `asyncio.wait_for`, which may lose one before Python 3.12."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0  # not 0 in a task that is already being cancelled
    yield
    if task and task.cancelling() > before:
        raise asyncio.CancelledError


class _Availability:
    """Logs the loss of Redis once, and its return once."""

    def __init__(self) -> None:
        self._unavailable = False

    async def execute(self, call: Awaitable[Any], seconds: float) -> Any:
        """Return the call's result, or None if Redis did not reply in time."""
        try:
            with _cancellable():
                async with asyncio.timeout(min(seconds, OUTAGE_LIMIT_SECONDS) if self._unavailable else seconds):
                    result = await call
        except (RedisError, OSError) as error:
            self.mark_unavailable(error)
            return None
        self.mark_available()
        return result

    def mark_unavailable(self, error: BaseException) -> None:
        if not self._unavailable:
            self._unavailable = True
            log.warning("redis.disconnected", reason=repr(error))

    def mark_available(self) -> None:
        if self._unavailable:
            self._unavailable = False
            log.info("redis.connected")


class _PasswordFile(CredentialProvider):
    """Reads the file for each connection, so that the password may change."""

    def __init__(self, user: str | None, file: Path) -> None:
        self._user, self._file = user, file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._file.read_text().strip()
        return (self._user, password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


def _pool(url: str, password_file: Path | None, retry: Retry) -> BlockingConnectionPool:
    credentials = None
    if password_file is not None:
        parts = urlsplit(url)
        credentials = _PasswordFile(parts.username, password_file)
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()  # the pool refuses both
    return BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=CONNECT_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=REPLY_SECONDS,
        retry=retry,
        credential_provider=credentials,
        # Otherwise a client never recovers after primary and standby are swapped.
        retry_on_error=[ReadOnlyError],
    )
