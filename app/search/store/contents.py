"""Reading the stored search index, for a comparison with the entries that the items' rows require."""

from collections.abc import Sequence

from sqlalchemy import Table, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.schema.statements import account_ids
from app.events.schema.statements import accounts_with_cursor
from app.items.schema.row import ItemRow
from app.projections import SEARCH
from app.search.schema.entries import entry
from app.search.schema.tables import item_index, item_words
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId, ItemId

IndexRows = frozenset[tuple[ItemId, str]]
"""The index rows of one captured key: (item, word) for each word, and (item, "") for its row in `item_index`."""
NOTHING: IndexRows = frozenset()

_TABLES = (item_index, item_words)


def expected_entries(rows: Sequence[ItemRow]) -> dict[str, IndexRows]:
    """Return the index rows that these item rows require, by captured key."""
    made = ((row.item_id, entry(row)) for row in rows)
    return {each.captured_key: frozenset((item, word) for word in {"", *each.words}) for item, each in made if each}


class IndexContents:
    """Reads from the writer, so it sees every acknowledged write. Raises Unavailable, as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accounts(self, after: str, limit: int) -> list[AccountId]:
        """Return the accounts that the index has or should have, with ids above `after`, in order."""
        registered, account = account_ids(), account_ids().selected_columns.id
        registered = registered.where(account > after).order_by(account).limit(limit)
        with_cursor = accounts_with_cursor(SEARCH, after, limit)
        accounts: set[str] = set()
        async with self._database.writer.read() as connection:
            for known in (registered, with_cursor):
                accounts.update(await connection.scalars(known))
            for table in _TABLES:
                accounts.update(await _accounts_in(connection, table, after, limit))
        return [AccountId(each) for each in sorted(accounts)[:limit]]

    async def has_rows(self, account: AccountId) -> bool:
        """Return whether the index has any row of the account."""
        present = [exists().where(table.c.account_id == account) for table in _TABLES]
        async with self._database.writer.read() as connection:
            return any([await connection.scalar(select(each)) for each in present])

    async def page(self, account: AccountId, before: str | None, limit: int) -> dict[str, IndexRows]:
        """Return the rows of the next keys below `before`, highest first; fewer than `limit` keys on the last page."""
        keys: set[str] = set()
        async with self._database.writer.read() as connection:
            for table in _TABLES:
                key = table.c.captured_key
                statement = select(key).where(table.c.account_id == account).distinct().order_by(key.desc())
                if before is not None:
                    statement = statement.where(key < before)
                keys.update(await connection.scalars(statement.limit(limit)))
            return await _rows_at(connection, account, sorted(keys, reverse=True)[:limit])

    async def at(self, account: AccountId, key: str) -> IndexRows:
        """Return the rows of this key."""
        async with self._database.writer.read() as connection:
            return (await _rows_at(connection, account, [key]))[key]


async def _accounts_in(connection: AsyncConnection, table: Table, after: str, limit: int) -> list[str]:
    """Read one account per query, at a cost that does not depend on the number of its rows."""
    accounts: list[str] = []
    while len(accounts) < limit:
        next_account = await connection.scalar(
            select(func.min(table.c.account_id)).where(table.c.account_id > (accounts[-1] if accounts else after))
        )
        if next_account is None:
            break
        accounts.append(next_account)
    return accounts


async def _rows_at(connection: AsyncConnection, account: AccountId, keys: Sequence[str]) -> dict[str, IndexRows]:
    rows: dict[str, set[tuple[ItemId, str]]] = {key: set() for key in keys}
    for table, word in ((item_index, literal("")), (item_words, item_words.c.word)):
        statement = select(table.c.captured_key, table.c.item_id, word).where(
            table.c.account_id == account, table.c.captured_key.in_(keys)
        )
        for key, item, each in await connection.execute(statement):
            rows[key].add((ItemId(item), each))
    return {key: frozenset(of_key) for key, of_key in rows.items()}
