"""One pipelined connection to Redis, which is never reopened: any failure closes it (rule 2)."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from redis.asyncio.connection import SSLConnection, parse_url

from app.stores.cache.faults import ConnectionLost, ErrorReply, ProtocolError
from app.stores.cache.replies import Reply, ReplyParser, encode
from app.stores.cache.timing import Timing

DEFAULT_PORT = 6379
RECHECK_SECONDS = 0.005
"""Minimum. A reply may have arrived while this process was busy: it is read before the time-out."""
_OUT_OF_MEMORY = "OOM"
"""The only error reply that leaves the connection usable."""


@dataclass(eq=False, slots=True)
class _PendingBatch:
    """Commands that were sent together; `done` gets all their replies together."""

    count: int
    overdue_at: float
    done: asyncio.Future[list[Reply]]
    replies: list[Reply] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """A reply that is late closes the connection, and so does every error reply but "out of memory"."""

    def __init__(self, reply_seconds: float) -> None:
        self.closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._reply_seconds = reply_seconds
        self._parser = ReplyParser()
        self._pending: deque[_PendingBatch] = deque()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._suspect: _PendingBatch | None = None

    @classmethod
    async def open(cls, url: str, timing: Timing, password_file: Path | None = None) -> "Connection":
        """Return a connection, authenticated and in the URL's database. The file is read for each connection, so that
        the password may change. Raises ConnectionLost.
        """
        try:
            address = _address(url, password_file)
            async with asyncio.timeout(timing.connect):
                connection = await _connect(address, lambda: cls(timing.reply_seconds))
        except OSError as error:  # includes TimeoutError
            raise ConnectionLost(repr(error)) from error
        try:
            await _sign_in(connection, address)
        except BaseException:
            connection.close("sign-in failed")
            raise
        return connection

    async def execute(self, *words: bytes) -> Reply:
        """Return the reply to one command. Raises ConnectionLost, ErrorReply."""
        return one(await self.send(encode(*words), 1))

    def send(self, commands: bytes, count: int) -> asyncio.Future[list[Reply]]:
        """Return all replies to `count` encoded commands, errors among them, or raise ConnectionLost."""
        command = _PendingBatch(count, time.monotonic() + self._reply_seconds, self._loop.create_future())
        if self._transport is None or self.closed.is_set():
            _fail(command, "closed")
            return command.done
        self._pending.append(command)
        self._transport.write(commands)
        if self._watch is None:
            self._watch = self._loop.call_later(self._reply_seconds, self._check_overdue)
        return command.done

    def close(self, reason: str) -> None:
        """Close the connection; pending commands raise ConnectionLost. A second call does nothing."""
        if self.closed.is_set():
            return
        self.closed.set()
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        while self._pending:
            _fail(self._pending.popleft(), reason)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail all waiting requests with ConnectionLost."""
        self.close(repr(exc) if exc else "closed by Redis")

    def data_received(self, data: bytes) -> None:
        """Resolve the oldest requests with the replies. Closes the connection after a violation of the protocol."""
        try:
            for reply in self._parser.feed(data):
                self._take(reply)
        except (ProtocolError, IndexError) as error:
            self.close(f"protocol error: {error}")

    def _take(self, reply: Reply) -> None:
        # READONLY above all (rule 4): the other replies of its batch do not count either.
        if isinstance(reply, ErrorReply) and not str(reply).startswith(_OUT_OF_MEMORY):
            self.close(str(reply))
        if self.closed.is_set():
            return
        command = self._pending[0]
        command.replies.append(reply)
        if len(command.replies) == command.count:
            self._pending.popleft()
            if not command.done.done():
                command.done.set_result(command.replies)

    def _check_overdue(self) -> None:
        self._watch = None
        if not self._pending:
            return
        oldest = self._pending[0]
        wait = oldest.overdue_at - time.monotonic()
        if wait <= 0:
            if oldest is self._suspect:
                self.close("no reply in time")
                return
            # While this process was busy, a Redis on the same machine may have had no CPU time either.
            late = min(-wait, self._reply_seconds)
            self._suspect, wait = oldest, max(late, RECHECK_SECONDS)
        self._watch = self._loop.call_later(wait, self._check_overdue)


def one(replies: Sequence[Reply]) -> Reply:
    """Return the only reply. Raises it if it is an error."""
    if isinstance(replies[0], ErrorReply):
        raise replies[0]
    return replies[0]


def _fail(command: _PendingBatch, reason: str) -> None:
    if not command.done.done():
        command.done.set_exception(ConnectionLost(reason))
        command.done.exception()  # a cancelled caller does not retrieve it


def _address(url: str, password_file: Path | None) -> dict[str, Any]:
    address: dict[str, Any] = dict(parse_url(url))
    return address if password_file is None else address | {"password": password_file.read_text().strip()}


async def _connect(address: dict[str, Any], protocol: Any) -> Connection:
    loop = asyncio.get_running_loop()
    if path := address.get("path"):
        return cast("Connection", (await loop.create_unix_connection(protocol, path))[1])
    secure = None
    if address.get("connection_class") is SSLConnection:
        secure = ssl.create_default_context(cafile=address.get("ssl_ca_certs"))
    host, port = address.get("host", "localhost"), address.get("port", DEFAULT_PORT)
    return cast("Connection", (await loop.create_connection(protocol, host, port, ssl=secure))[1])


async def _sign_in(connection: Connection, address: dict[str, Any]) -> None:
    if password := address.get("password"):
        user = [address["username"].encode()] if address.get("username") else []
        await connection.execute(b"AUTH", *user, password.encode())
    if database := address.get("db"):
        await connection.execute(b"SELECT", b"%d" % database)
