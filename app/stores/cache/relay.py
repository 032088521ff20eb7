"""The loop that keeps a process connected to the current Redis and permitted to read from it (rules 1, 2, 3)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from app.jobs.backoff import Backoff
from app.jobs.loop import keep_running, wait_for_any
from app.stores.cache.connection import Connection
from app.stores.cache.faults import ConnectionLost, ErrorReply
from app.stores.cache.link import Link
from app.stores.cache.outbox import Generation, Outbox, Row
from app.stores.cache.scripts import Scripts
from app.stores.cache.timing import Timing
from darkroom_shared.problems import Unavailable

FIRST_RETRY_SECONDS = 0.04
ROWS_PER_BATCH = 1_000
"""After a long outage there may be very many rows; confirmed batches are not repeated."""

Lag = Callable[[], Awaitable[float | None]]
"""Lag in seconds of the reader that is furthest behind the writer; None if unknown."""

log = structlog.get_logger()


class Relay:
    """Polls the outbox and renews the permit. `link` is None while Redis is unavailable."""

    def __init__(
        self, url: str, password_file: Path | None, outbox: Outbox, lag: Lag, scripts: Scripts, timing: Timing
    ) -> None:
        self._url, self._password_file = url, password_file
        self._outbox, self._lag, self._scripts, self._timing = outbox, lag, scripts, timing
        self.link: Link | None = None
        self._first_seen: tuple[int, float] = (0, 0.0)
        self._superseded: tuple[str, float] | None = None
        self._logged_disconnect = False
        self._stopping = asyncio.Event()

    def permitted(self) -> Link | None:
        """Return the link while its permit lasts, to be checked at each call (rule 3)."""
        link = self.link
        return link if link is not None and link.is_permitted() else None

    def stop(self) -> None:
        """Stop after the current query: a driver that is cancelled may keep its connection."""
        self._stopping.set()
        if self.link is not None:
            self.link.connection.close("stopping")

    async def run(self) -> None:
        """Run until `stop` is called."""
        backoff = Backoff(FIRST_RETRY_SECONDS, self._timing.retry)

        async def stay_connected() -> None:
            try:
                link = await self._connect()
                backoff.succeeded()
                await self._poll_until_disconnected(link)
            except (ConnectionLost, ErrorReply, Unavailable, TimeoutError) as error:
                self._log_disconnect(error)

        await keep_running("cache", backoff, self._stopping, stay_connected)

    async def _connect(self) -> Link:
        """Connect and join the generation. Raises ConnectionLost if this Redis is not the current one."""
        connection = await Connection.open(self._url, self._timing, self._password_file)
        try:
            async with asyncio.timeout(self._timing.permit):
                newest = await self._join(await self._replication_id(connection))
            link = Link(connection, newest, self._scripts, self._timing)
            await link.prepare()
        except BaseException as error:
            connection.close(repr(error))
            raise
        return link

    # Rule 1

    async def _replication_id(self, connection: Connection) -> str:
        """Return the replication id. Raises ConnectionLost if the server is not a primary."""
        reply = await connection.execute(b"INFO", b"replication")
        lines = reply.decode("ascii", "replace").splitlines() if isinstance(reply, bytes) else []
        info = dict(line.split(":", 1) for line in lines if ":" in line)
        if info.get("role") != "master" or not info.get("master_replid"):
            raise ConnectionLost("not a primary")
        return info["master_replid"]

    async def _join(self, replication_id: str) -> Generation:
        """Return the newest generation, which is this Redis; insert one if necessary."""
        newest = await self._outbox.newest()
        if newest is None or newest.replication_id != replication_id:
            if newest is not None and await self._outbox.is_known(replication_id):
                self._wait_while_superseded(replication_id)
            await self._outbox.begin(replication_id)
            newest = await self._outbox.newest()
        if newest is None or newest.replication_id != replication_id:
            raise ConnectionLost("another Redis is the current one")
        self._superseded = None
        if self._first_seen[0] != newest.number:
            self._first_seen = (newest.number, time.monotonic())
        return newest

    def _wait_while_superseded(self, replication_id: str) -> None:
        """Wait before a takeover: other processes use a later Redis, to which the address may soon resolve, too."""
        now = time.monotonic()
        if self._superseded is None or self._superseded[0] != replication_id:
            self._superseded = (replication_id, now)
        if now - self._superseded[1] < self._timing.takeover:
            raise ConnectionLost("superseded by a later Redis")

    # Rules 2 and 3

    async def _poll_until_disconnected(self, link: Link) -> None:
        """Poll until the connection is lost."""
        self.link = link
        try:
            while not link.connection.closed.is_set() and not self._stopping.is_set():
                try:
                    await self._renew(link)
                except (Unavailable, ErrorReply, TimeoutError) as error:
                    # The permit ends if this lasts; the connection stays usable.
                    log.warning("cache.not_renewed", reason=repr(error))
                await wait_for_any(self._timing.poll, link.connection.closed)
        finally:
            self.link = None
            link.connection.close("left")
        raise ConnectionLost("closed")

    async def _renew(self, link: Link) -> None:
        began = time.monotonic()  # before the poll: later commits may be missed
        async with asyncio.timeout(self._timing.permit):
            pending = await self._outbox.pending()
            lag = await self._lag()
            self._require_newest(link, pending.newest)
            if await self._replication_id(link.connection) != link.generation.replication_id:
                raise ConnectionLost("the server has other data now")
            if pending.rows:
                await self._apply(link, pending.rows)
        link.lag_seconds = lag
        link.permitted_until = began + self._timing.permit
        self._connected(link)

    def _require_newest(self, link: Link, newest: int) -> None:
        if newest != link.generation.number:
            raise ConnectionLost("superseded by a later Redis")

    async def _apply(self, link: Link, rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), ROWS_PER_BATCH):
            batch = rows[start : start + ROWS_PER_BATCH]
            await link.invalidate({name for row in batch for name in row.names})
            await self.confirm(link, [row.id for row in batch])

    async def confirm(self, link: Link, rows: Sequence[str]) -> int:
        """Confirm rows whose keys were invalidated through this link; return how many (rule 8)."""
        number = link.generation.number
        return await self._outbox.confirm(rows, number, settled=self._is_settled(number))

    def _is_settled(self, generation: int) -> bool:
        """Return whether no process can still be permitted to read an earlier generation.

        It is measured from when this process first saw the generation, which was committed by then: no wall clock
        counts.
        """
        number, since = self._first_seen
        return number == generation and time.monotonic() - since > self._timing.until_permits_lapsed

    def _log_disconnect(self, error: BaseException) -> None:
        if not self._logged_disconnect and not self._stopping.is_set():
            self._logged_disconnect = True
            log.warning("cache.disconnected", reason=repr(error))

    def _connected(self, link: Link) -> None:
        if self._logged_disconnect:
            self._logged_disconnect = False
            log.info("cache.connected", generation=link.generation.number)
