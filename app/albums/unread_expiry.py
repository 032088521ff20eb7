"""What nobody reads for long counts as read, so that those who never read leave no ever growing pile."""

from datetime import timedelta

from app.albums.comment_store import CommentStore
from app.albums.unread import unread_key
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from shared.ids import first_comment_id
from shared.times import Clock

UNREAD_FOR = timedelta(days=90)
"""After that a comment is no news any more."""
ROWS_PER_STEP = 200
"""Looked up for one transaction, which has a statement for each account among them: some tens of milliseconds."""
STEPS_PER_RUN = 20
"""While Redis is away each takes two seconds longer; what is left then waits for the next round."""


class UnreadExpiry:
    """Killed anywhere and begun again, it goes on; two at once come to the same."""

    def __init__(self, database: Database, cache: Cache, store: CommentStore, clock: Clock) -> None:
        self._database, self._cache, self._store, self._clock = database, cache, store, clock

    async def expire(self) -> int:
        """Marks as read a bounded number of what has been unread for too long; at least that many, 0 at the end."""
        expired = 0
        for _ in range(STEPS_PER_RUN):
            count = await self._step()
            expired += count
            if count < ROWS_PER_STEP:
                break
        return expired

    async def _step(self) -> int:
        before = first_comment_id(self._clock() - UNREAD_FOR)
        async with self._database.writer.read() as connection:
            rows = await self._store.oldest_unread(connection, before, ROWS_PER_STEP)
        if not rows:
            return 0
        last = rows[-1][1]  # of which more of these accounts may be due: then up to twice as many rows go
        # In the same order everywhere, and as readers themselves do it: so no two of them wait for each other.
        readers = sorted({account for account, _ in rows})
        async with self._cache.change(*map(unread_key, readers)) as connection:
            for reader in readers:
                await self._store.mark_read(connection, reader, last, None)
        return len(rows)
