"""Changes of cached values (rule 8): the keys are committed with the change, which ends when no process serves the old
values any more.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Writer
from app.stores.cache.faults import ConnectionLost, ErrorReply
from app.stores.cache.keys import AnyKey
from app.stores.cache.outbox import Outbox
from app.stores.cache.relay import Relay
from app.stores.cache.timing import Timing
from darkroom_shared.problems import Unavailable

POLL_SHARE = 0.5
"""Interval of the checks whether some process's relay has confirmed a change, as a share of the relay's poll."""


class UnitOfWork:
    """One transaction, the keys of the cached values that it changes, and what follows its commit."""

    def __init__(self, connection: AsyncConnection, keys: Iterable[AnyKey]) -> None:
        self.connection = connection
        self.names: set[str] = set()
        self._callbacks: list[Callable[[], None]] = []
        self.invalidate(*keys)

    def invalidate(self, *keys: AnyKey) -> None:
        """Add keys. After the commit, no read returns an old value of them."""
        self.names.update(key.name for key in keys)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the change is committed and visible to every read; never if it was rolled back.

        If the change is cancelled after its commit, it is called at once. It must not block or raise. A crash loses it,
        so something must poll for what it does.
        """
        self._callbacks.append(callback)

    def run_callbacks(self) -> None:
        """Call all callbacks in the order of their registration."""
        for callback in self._callbacks:
            callback()


class Changes:
    """Transactions that change cached values.

    A change ends when the relay of this or another process has confirmed its row of the outbox, or when all permits
    from before it have expired.
    """

    def __init__(self, writer: Writer, outbox: Outbox, relay: Relay, timing: Timing, *, leaves_rows: bool) -> None:
        self._writer, self._outbox, self._relay, self._timing = writer, outbox, relay, timing
        self._leaves_rows = leaves_rows

    @asynccontextmanager
    async def change(self, keys: Iterable[AnyKey]) -> AsyncIterator[UnitOfWork]:
        """Open a change. If it is cancelled after the commit, the relays do the rest; it is then not acknowledged."""
        row = None
        async with self._writer.write() as connection:
            unit = UnitOfWork(connection, keys)
            yield unit
            if unit.names and self._leaves_rows:
                row = await self._outbox.add(connection, sorted(unit.names))
        try:
            if row is not None:
                await self._settle(row, unit.names)
        finally:
            unit.run_callbacks()

    async def _settle(self, row: str, names: set[str]) -> None:
        lapsed_at = time.monotonic() + self._timing.until_permits_lapsed  # the transaction is committed by now
        confirmed = await self._invalidate(row, names)
        while not confirmed and (left := lapsed_at - time.monotonic()) > 0:
            confirmed = await self._is_confirmed(row)
            if not confirmed:
                await asyncio.sleep(min(left, self._timing.poll * POLL_SHARE))

    async def _invalidate(self, row: str, names: set[str]) -> bool:
        """Invalidate the keys. Return whether the row is confirmed; if not, Redis may have executed the commands."""
        link = self._relay.link
        if link is None:
            return False
        try:
            await link.invalidate(names)
            return await self._relay.confirm(link, [row]) == 1
        except (ConnectionLost, ErrorReply, Unavailable):
            return False

    async def _is_confirmed(self, row: str) -> bool:
        try:
            return await self._outbox.is_confirmed(row)
        except Unavailable:
            return False
