"""Look up the addresses of names, without one name's server delaying the connections to others.

uvloop looks names up in two threads of libuv. A name whose server is silent occupies one of them for 10 s, so two such
names make every other one wait. Here each lookup has a thread of its own, and an unavailable name server prevents no
connection to an address that is known.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf

import structlog

LOOKUP_SECONDS = 1.0
"""No caller waits longer for a lookup, although it may go on."""
REUSE_SECONDS = 0.5
"""A reconnection comes after a lost connection, perhaps because the name has moved, so it looks the name up again."""
RETRY_SECONDS = 5.0
"""While lookups of a known name fail, they are repeated at this interval, and no caller waits for them."""
MAX_NAMES = 1_000

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]
"""As `socket.getaddrinfo` returns them."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Query:
    """The arguments of `socket.getaddrinfo`."""

    host: str | None
    port: int | str | None
    address_family: int = 0
    kind: int = 0
    protocol: int = 0
    flags: int = 0


Lookup = Callable[[Query], list[AddressInfo]]


def system_lookup(query: Query) -> list[AddressInfo]:
    """Ask the system; blocks. Raises socket.gaierror."""
    try:
        return socket.getaddrinfo(  # type: ignore[return-value]  # its stub knows no system without IPv6
            query.host, query.port, query.address_family, query.kind, query.protocol, query.flags
        )
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "no valid name") from error


@dataclass(slots=True)
class _Name:
    addresses: list[AddressInfo] | None = None
    """The last known ones."""
    requested_at: float = -inf
    resolved_at: float = -inf
    is_failing: bool = False
    """The latest lookup failed, or took longer than LOOKUP_SECONDS."""
    lookup: "asyncio.Future[list[AddressInfo] | socket.gaierror] | None" = field(default=None)
    """In flight."""


class Resolver:
    """For one event loop. Has at most one lookup in flight for each query."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lookup: Lookup = system_lookup,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._loop = loop
        self._lookup = lookup
        self._clock = clock or loop.time
        self._names: dict[Query, _Name] = {}

    async def resolve(self, query: Query) -> list[AddressInfo]:
        """Return current addresses, or the last known ones while lookups fail. Raises socket.gaierror within
        LOOKUP_SECONDS if there are none.
        """
        name = self._name(query)
        now = self._clock()
        if name.addresses is not None and name.is_failing:
            if now - name.requested_at >= RETRY_SECONDS:
                self._in_flight(query, name)
            return name.addresses
        if name.addresses is not None and now - name.resolved_at < REUSE_SECONDS:
            return name.addresses
        lookup = self._in_flight(query, name)
        await asyncio.wait([lookup], timeout=max(0.0, name.requested_at + LOOKUP_SECONDS - now))
        result = lookup.result() if lookup.done() else socket.gaierror(socket.EAI_AGAIN, "no response in time")
        if isinstance(result, list):
            return result
        self._note_failure(query, name, result)
        if name.addresses is not None:
            return name.addresses
        raise socket.gaierror(*result.args)

    def _name(self, query: Query) -> _Name:
        if query not in self._names:
            if len(self._names) >= MAX_NAMES:
                idle = (known for known, name in self._names.items() if name.lookup is None)
                self._names.pop(next(idle, query), None)
            self._names[query] = _Name()
        return self._names[query]

    def _in_flight(self, query: Query, name: _Name) -> "asyncio.Future[list[AddressInfo] | socket.gaierror]":
        if name.lookup is None:
            name.lookup, name.requested_at = self._loop.create_future(), self._clock()
            # A daemon thread, because the process need not wait at its end for a silent name server.
            threading.Thread(target=self._run, args=(query, name), name="lookup", daemon=True).start()
        return name.lookup

    def _run(self, query: Query, name: _Name) -> None:
        result: list[AddressInfo] | socket.gaierror
        try:
            result = self._lookup(query)
        except socket.gaierror as error:
            result = error
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._finish, query, name, result)

    def _finish(self, query: Query, name: _Name, result: list[AddressInfo] | socket.gaierror) -> None:
        if name.lookup is not None and not name.lookup.done():
            name.lookup.set_result(result)  # an error is a result, too: it may have no caller left to retrieve it
        name.lookup = None
        if not isinstance(result, list):
            self._note_failure(query, name, result)
            return
        if name.is_failing:
            log.info("name.resolved_again", name=query.host)
        name.addresses, name.resolved_at, name.is_failing = result, self._clock(), False

    def _note_failure(self, query: Query, name: _Name, error: socket.gaierror) -> None:
        if not name.is_failing:
            known = name.addresses is not None
            log.warning("name.not_resolved", name=query.host, reason=error.strerror, has_known_addresses=known)
        name.is_failing = True
