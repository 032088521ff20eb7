"""Expiry of unread marks, so that they do not accumulate for accounts that never read comments."""

from datetime import timedelta

from app.comments.service.unread import unread_key
from app.comments.store import CommentStore
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from darkroom_shared.ids import first_comment_id
from darkroom_shared.times import Clock

UNREAD_RETENTION = timedelta(days=90)
"""A comment counts as read after this time."""
ROWS_PER_STEP = 200
"""Rows of one transaction, which runs one statement for each of their accounts: some tens of milliseconds."""
STEPS_PER_RUN = 20
"""Few, because each step takes two seconds longer while Redis is unavailable; the next run continues."""


class UnreadExpiry:
    """Deletes expired unread marks. A run resumes after a crash; concurrent runs are harmless."""

    def __init__(self, *, database: Database, cache: Cache, store: CommentStore, clock: Clock) -> None:
        self._database, self._cache, self._store, self._clock = database, cache, store, clock

    async def expire(self) -> int:
        """Delete expired marks in a bounded number of steps.

        Returns the number of marks that were read. All of these and perhaps more are deleted; 0 if none is left.
        """
        expired = 0
        for _ in range(STEPS_PER_RUN):
            count = await self._step()
            expired += count
            if count < ROWS_PER_STEP:
                break
        return expired

    async def _step(self) -> int:
        before = first_comment_id(self._clock() - UNREAD_RETENTION)
        async with self._database.writer.read() as connection:
            rows = await self._store.oldest_unread(connection, before, ROWS_PER_STEP)
        if not rows:
            return 0
        last = rows[-1][1]  # may have more marks than were read: up to twice as many rows are deleted
        # Every process uses this order, and readers' own requests do, too, so that no two transactions deadlock.
        readers = sorted({account for account, _ in rows})
        async with self._cache.change(*map(unread_key, readers)) as unit:
            for reader in readers:
                await self._store.mark_read(unit.connection, reader, last, None)
        return len(rows)
