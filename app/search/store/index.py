"""Writing the search index in the transaction that moves its cursor, so no other process writes the account's rows."""

from collections.abc import AsyncIterator, Mapping, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.schema.statements import account_ids
from app.events.schema.statements import has_cursor
from app.search.schema.entries import Entry
from app.search.schema.tables import item_index, item_words
from app.stores.aurora import Database
from app.stores.aurora_inserts import insert_absent
from darkroom_shared.ids import AccountId, ItemId

ROWS_PER_INSERT = 2_000
ITEMS_PER_ERASURE = 200


class IndexStore:
    """Writes to the search index. Raises Unavailable, as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, connection: AsyncConnection, account: AccountId, entries: Mapping[ItemId, Entry | None]
    ) -> None:
        """Set the entry of each item, or delete it if None. Entries that do not change are not written."""
        known = await self._entries(connection, account, list(entries))
        changed = {item: expected for item, expected in entries.items() if known.get(item) != expected}
        stale = {
            item: known.get(item) or expected for item, expected in changed.items()
        }  # also deletes words that have no row in item_index
        await _remove(connection, account, {item: old.captured_key for item, old in stale.items() if old})
        items, words = [], []
        for item, expected in changed.items():
            if expected is not None:
                own = {"account_id": account, "item_id": item, "captured_key": expected.captured_key}
                items.append(own)
                words += [own | {"word": word} for word in sorted(expected.words)]
        for table, rows in ((item_index, items), (item_words, words)):
            for start in range(0, len(rows), ROWS_PER_INSERT):
                await insert_absent(connection, table, rows[start : start + ROWS_PER_INSERT])

    async def replace(
        self,
        connection: AsyncConnection,
        account: AccountId,
        entries: Mapping[ItemId, Entry | None],
        below: str | None,
        lowest: str | None,
    ) -> None:
        """As `put`, and delete all other entries with lowest <= id < below. A bound of None is open."""
        named = select(item_index.c.item_id).where(item_index.c.account_id == account)
        if below is not None:
            named = named.where(item_index.c.item_id < below)
        if lowest is not None:
            named = named.where(item_index.c.item_id >= lowest)
        indexed = [ItemId(row) for row in await connection.scalars(named)]
        await self.put(connection, account, dict.fromkeys(indexed) | dict(entries))

    async def _entries(
        self, connection: AsyncConnection, account: AccountId, items: Sequence[ItemId]
    ) -> dict[ItemId, Entry]:
        statement = select(item_index.c.item_id, item_index.c.captured_key).where(
            item_index.c.account_id == account, item_index.c.item_id.in_(items)
        )
        keys = {ItemId(row.item_id): row.captured_key for row in await connection.execute(statement)}
        words: dict[str, set[str]] = {key: set() for key in keys.values()}
        stored = select(item_words.c.captured_key, item_words.c.word).where(
            item_words.c.account_id == account, item_words.c.captured_key.in_(list(words))
        )
        for row in await connection.execute(stored):
            words[row.captured_key].add(row.word)
        return {item: Entry(key, frozenset(words[key])) for item, key in keys.items()}

    async def without_cursor(self, projection: str, limit: int) -> list[AccountId]:
        """Return accounts without a cursor: they are older than this projection and had no event since."""
        registered = account_ids()
        statement = registered.where(~has_cursor(projection, registered.selected_columns.id)).limit(limit)
        async with self._database.writer.read() as connection:
            return [AccountId(row) for row in await connection.scalars(statement)]

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Delete the account's rows page by page; yield the number of items after each. Delete the cursor first, or the
        projection may write rows again."""
        while True:
            async with self._database.writer.write() as connection:
                statement = select(item_index.c.item_id, item_index.c.captured_key).where(
                    item_index.c.account_id == account
                )
                page = await connection.execute(statement.limit(ITEMS_PER_ERASURE))
                items = {ItemId(item): key for item, key in page}
                await _remove(connection, account, items)
            yield len(items)
            if len(items) < ITEMS_PER_ERASURE:
                return

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        counts = {}
        async with self._database.writer.read() as connection:
            for table in (item_index, item_words):
                statement = select(func.count()).select_from(table).where(table.c.account_id == account)
                counts[table.name] = int(await connection.scalar(statement) or 0)
        return counts


async def _remove(connection: AsyncConnection, account: AccountId, captured_keys: Mapping[ItemId, str]) -> None:
    if not captured_keys:
        return
    words, items = item_words.c, item_index.c
    keys, ids = list(captured_keys.values()), list(captured_keys)
    await connection.execute(delete(item_words).where(words.account_id == account, words.captured_key.in_(keys)))
    await connection.execute(delete(item_index).where(items.account_id == account, items.item_id.in_(ids)))
