"""One pipelined connection to Redis. It is made once; whatever goes wrong closes it for good (rule 2)."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from redis.asyncio.connection import SSLConnection, parse_url

from app.stores.cache.answers import Answer, Answers, encode
from app.stores.cache.faults import Lost, Nonsense, Refusal
from app.stores.cache.timing import Timing

DEFAULT_PORT = 6379
SECOND_LOOK_SECONDS = 0.005
"""At least. An answer may have arrived while this process was busy: it is read before time is up."""
_OUT_OF_MEMORY = "OOM"
"""The one error of Redis after which the connection is as good as before."""


@dataclass(eq=False, slots=True)
class _Question:
    """Commands that were sent together; their answers come together."""

    count: int
    overdue_at: float
    done: asyncio.Future[list[Answer]]
    answers: list[Answer] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """Every answer that does not come in time closes it, and so does every error but "out of memory"."""

    def __init__(self, answer_seconds: float) -> None:
        self.closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._answer_seconds = answer_seconds
        self._arriving = Answers()
        self._asked: deque[_Question] = deque()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._suspect: _Question | None = None

    @classmethod
    async def open(cls, url: str, timing: Timing) -> "Connection":
        """Signed in, in the URL's database. Raises Lost."""
        place: dict[str, Any] = dict(parse_url(url))
        try:
            async with asyncio.timeout(timing.connect):
                connection = await _connect(place, lambda: cls(timing.answer))
        except OSError as error:  # TimeoutError is one
            raise Lost(repr(error)) from error
        try:
            await _sign_in(connection, place)
        except BaseException:
            connection.close("not let in")
            raise
        return connection

    async def ask(self, *words: bytes) -> Answer:
        """One command's answer. Raises Lost, Refusal."""
        return one(await self.send(encode(*words), 1))

    def send(self, commands: bytes, count: int) -> asyncio.Future[list[Answer]]:
        """The answers of `count` encoded commands, all of them or Lost. Errors are among them."""
        question = _Question(count, time.monotonic() + self._answer_seconds, self._loop.create_future())
        if self._transport is None or self.closed.is_set():
            _fail(question, "closed")
            return question.done
        self._asked.append(question)
        self._transport.write(commands)
        if self._watch is None:
            self._watch = self._loop.call_later(self._answer_seconds, self._look_for_overdue)
        return question.done

    def close(self, reason: str) -> None:
        """Whoever waits for an answer gets Lost. The second time nothing happens."""
        if self.closed.is_set():
            return
        self.closed.set()
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        while self._asked:
            _fail(self._asked.popleft(), reason)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.close(repr(exc) if exc else "closed by Redis")

    def data_received(self, data: bytes) -> None:
        try:
            for answer in self._arriving.feed(data):
                self._take(answer)
        except (Nonsense, IndexError) as error:
            self.close(f"nonsense: {error}")

    def _take(self, answer: Answer) -> None:
        # READONLY above all (rule 4): nothing that was answered beside it counts.
        if isinstance(answer, Refusal) and not str(answer).startswith(_OUT_OF_MEMORY):
            self.close(str(answer))
        if self.closed.is_set():
            return
        question = self._asked[0]
        question.answers.append(answer)
        if len(question.answers) == question.count:
            self._asked.popleft()
            if not question.done.done():
                question.done.set_result(question.answers)

    def _look_for_overdue(self) -> None:
        self._watch = None
        if not self._asked:
            return
        oldest = self._asked[0]
        wait = oldest.overdue_at - time.monotonic()
        if wait <= 0:
            if oldest is self._suspect:
                self.close("no answer in time")
                return
            # As long as this process was busy, a Redis that shares its machine may have had no processor.
            late = min(-wait, self._answer_seconds)
            self._suspect, wait = oldest, max(late, SECOND_LOOK_SECONDS)
        self._watch = self._loop.call_later(wait, self._look_for_overdue)


def one(answers: Sequence[Answer]) -> Answer:
    """The only answer; raised, if it is an error."""
    if isinstance(answers[0], Refusal):
        raise answers[0]
    return answers[0]


def _fail(question: _Question, reason: str) -> None:
    if not question.done.done():
        question.done.set_exception(Lost(reason))
        question.done.exception()  # a caller that was cancelled no longer asks for it


async def _connect(place: dict[str, Any], protocol: Any) -> Connection:
    loop = asyncio.get_running_loop()
    if path := place.get("path"):
        return cast("Connection", (await loop.create_unix_connection(protocol, path))[1])
    secure = None
    if place.get("connection_class") is SSLConnection:
        secure = ssl.create_default_context(cafile=place.get("ssl_ca_certs"))
    host, port = place.get("host", "localhost"), place.get("port", DEFAULT_PORT)
    return cast("Connection", (await loop.create_connection(protocol, host, port, ssl=secure))[1])


async def _sign_in(connection: Connection, place: dict[str, Any]) -> None:
    if password := place.get("password"):
        user = [place["username"].encode()] if place.get("username") else []
        await connection.ask(b"AUTH", *user, password.encode())
    if database := place.get("db"):
        await connection.ask(b"SELECT", b"%d" % database)
