"""All commands to the current Redis, over one connection and under its generation number."""

import asyncio
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha1

from app.stores.cache.connection import Connection, one
from app.stores.cache.faults import ErrorReply, ProtocolError
from app.stores.cache.outbox import Generation
from app.stores.cache.replies import Reply, encode
from app.stores.cache.scripts import Scripts
from app.stores.cache.timing import Timing

KEYS_PER_BATCH = 200
"""Maximum for one script: Redis serves no other client while it runs."""
TOKEN_BYTES = 8


class NoReply:
    """Result of a read if Redis did not reply whether it has a value."""


NO_REPLY = NoReply()
Raw = bytes | None | NoReply
_Reading = tuple[Sequence[str], asyncio.Future[list[Raw]]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored value, not yet decoded."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to load and store a missing value. `fenced`: it was invalidated recently, so load from the writer."""

    token: bytes
    fenced: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Another process or task has the lease."""

    fenced: bool


class Link:
    """The cache's commands to one Redis in one generation.

    Hits count until `permitted_until` (monotonic clock), which only the relay sets.
    """

    def __init__(self, connection: Connection, generation: Generation, scripts: Scripts, timing: Timing) -> None:
        self.connection, self.generation = connection, generation
        self.permitted_until = 0.0
        self.lag_seconds: float | None = None
        self._scripts, self._timing = scripts, timing
        self._get_or_lease, self._store = _digest(scripts.get_or_lease), _digest(scripts.store)
        self._invalidate = _digest(scripts.invalidate)
        self._prefix = b"%d" % generation.number
        self._probe = encode(b"DEL", self._prefix + b"never")
        self._waiting: list[_Reading] = []

    async def prepare(self) -> None:
        """Load the scripts, once. Raises ConnectionLost, ErrorReply."""
        for script in (self._scripts.get_or_lease, self._scripts.store, self._scripts.invalidate):
            await self.connection.execute(b"SCRIPT", b"LOAD", script.encode())

    def is_permitted(self) -> bool:
        """Return whether hits count now. Check it again after the read."""
        return time.monotonic() < self.permitted_until and not self.connection.closed.is_set()

    def is_reader_near(self) -> bool:
        """Return whether a reader's lag was within the limit at the last poll, while the permit lasts (rule 5)."""
        near = self.lag_seconds is not None and self.lag_seconds <= self._timing.lag_limit
        return near and self.is_permitted()

    # Rule 4: the keys of one tick of the event loop are one MGET.

    def read(self, names: Sequence[str]) -> asyncio.Future[list[Raw]]:
        """Return what Redis has for each name. The caller must have checked the permit in this tick."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._send_reads)
        future: asyncio.Future[list[Raw]] = loop.create_future()
        self._waiting.append((names, future))
        return future

    def _send_reads(self) -> None:
        """Send the batch; later reads start another one."""
        waiting, self._waiting = self._waiting, []
        # A name that several callers read is sent once.
        names = list(dict.fromkeys([name for requested, _ in waiting for name in requested]))
        # A demoted primary still replies to reads: the write sent with them is refused, which closes the connection.
        commands = encode(b"MGET", *[self._name(b"v:", name) for name in names]) + self._probe
        replies = self.connection.send(commands, 2)
        replies.add_done_callback(lambda done: _resolve_reads(names, waiting, done))

    # Rules 5 and 9.

    async def get_or_lease(self, names: Sequence[str], *, refresh: bool = False) -> list[Hit | Lease | Held]:
        """Return for each name its value, a lease, or who holds the lease. Raises ConnectionLost, ErrorReply.

        `refresh` requests the lease although there is a value.
        """
        tokens = [secrets.token_bytes(TOKEN_BYTES) for _ in names]
        arguments = (b"%d" % (self._timing.lease * 1000), b"%d" % (self._timing.fence * 1000), b"%d" % refresh)
        born, never = self._prefix + b"born", self._prefix + b"never"
        calls = [
            _call(
                self._get_or_lease,
                (self._name(b"v:", name), self._name(b"l:", name), self._name(b"f:", name), born, never),
                (token, *arguments),
            )
            for name, token in zip(names, tokens, strict=True)
        ]
        replies = await self.connection.send(b"".join(calls), len(calls))
        try:
            return [_parse_lease_reply(reply, token) for reply, token in zip(replies, tokens, strict=True)]
        except ProtocolError as malformed:
            self.connection.close(f"protocol error: {malformed}")
            raise

    async def store(self, values: Sequence[tuple[str, bytes, bytes, float]]) -> list[bool]:
        """Store tuples of name, token, value and lifetime in seconds. Returns for each whether it was stored.

        After its lifetime Redis keeps a value for rule 10. Raises ConnectionLost.
        """
        calls = [
            _call(
                self._store,
                (self._name(b"v:", name), self._name(b"l:", name)),
                (token, value, b"%d" % ((lifetime_seconds + self._timing.stale) * 1000)),
            )
            for name, token, value, lifetime_seconds in values
        ]
        replies = await self.connection.send(b"".join(calls), len(calls))
        self.release(
            (name, token)
            for (name, token, *_), reply in zip(values, replies, strict=True)
            if isinstance(reply, ErrorReply)  # out of memory
        )
        return [reply == 1 for reply in replies]

    def release(self, leases: Iterable[tuple[str, bytes]]) -> None:
        """Release leases, so that no process waits for a value that is not coming. Delivery is not required."""
        if calls := [
            _call(self._store, (self._name(b"v:", name), self._name(b"l:", name)), (token, b"", b"0"))
            for name, token in leases
        ]:
            self.connection.send(b"".join(calls), len(calls))

    # Rule 7.

    async def invalidate(self, names: Iterable[str]) -> None:
        """Invalidate the keys. Raises ConnectionLost, ErrorReply; some keys may then be invalidated and others not."""
        all_names = list(names)
        fence_ms = b"%d" % (self._timing.fence * 1000)
        for start in range(0, len(all_names), KEYS_PER_BATCH):
            batch = all_names[start : start + KEYS_PER_BATCH]
            keys = [self._name(kind, name) for name in batch for kind in (b"v:", b"l:", b"f:")]
            one(await self.connection.send(_call(self._invalidate, keys, (fence_ms,)), 1))

    def drop(self, name: str) -> None:
        """Delete a value that this release cannot read. Delivery is not required."""
        self.connection.send(encode(b"DEL", self._name(b"v:", name)), 1)

    def _name(self, kind: bytes, name: str) -> bytes:
        return self._prefix + kind + name.encode()


def _resolve_reads(names: Sequence[str], waiting: Sequence[_Reading], done: asyncio.Future[list[Reply]]) -> None:
    values = None if done.exception() else done.result()[0]
    hits: dict[str, Raw] = {}
    if isinstance(values, list) and len(values) == len(names):
        hits = {name: value for name, value in zip(names, values, strict=True) if isinstance(value, bytes | None)}
    for requested, future in waiting:
        if not future.done():
            future.set_result([hits.get(name, NO_REPLY) for name in requested])


def _digest(script: str) -> bytes:
    """Return the digest by which Redis identifies a loaded script."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest().encode()


def _call(digest: bytes, keys: Sequence[bytes], arguments: Sequence[bytes]) -> bytes:
    return encode(b"EVALSHA", digest, b"%d" % len(keys), *keys, *arguments)


def _parse_lease_reply(reply: Reply, token: bytes) -> Hit | Lease | Held:
    one([reply])
    match reply:
        case [bytes() as raw]:
            return Hit(raw)
        case [1, fenced]:
            return Lease(token, fenced != 0)
        case [0, fenced]:
            return Held(fenced != 0)
    raise ProtocolError(repr(reply))
