"""Reading the search index as it stands, to be compared with what the items' rows make of it."""

from collections.abc import Sequence

from sqlalchemy import Table, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.schema import accounts
from app.events.schema import cursors
from app.items.row import ItemRow
from app.projections import SEARCH
from app.search.entries import entry
from app.search.schema import item_index, item_words
from app.stores.aurora import Database
from shared.ids import AccountId, ItemId

Held = frozenset[tuple[ItemId, str]]
"""What lies under one captured key: the item with each of its words, and with "" for its row in `item_index`."""
NOTHING: Held = frozenset()

_TABLES = (item_index, item_words)


def expected_entries(rows: Sequence[ItemRow]) -> dict[str, Held]:
    """What the index must hold of these rows, by captured key."""
    made = ((row.item_id, entry(row)) for row in rows)
    return {each.captured_key: frozenset((item, word) for word in {"", *each.words}) for item, each in made if each}


class IndexContents:
    """On the writer, as it stands after every acknowledged write. Raises Unavailable, as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accounts(self, after: str, limit: int) -> list[AccountId]:
        """Everybody who is or should be in it, by their ids."""
        registered = select(accounts.c.id).where(accounts.c.id > after).order_by(accounts.c.id).limit(limit)
        next_account = (
            select(cursors.c.account_id)
            .where(cursors.c.follower == SEARCH, cursors.c.account_id > after)
            .order_by(cursors.c.account_id)
            .limit(limit)
        )
        matches: set[str] = set()
        async with self._database.writer.read() as connection:
            for known in (registered, next_account):
                matches.update(await connection.scalars(known))
            for table in _TABLES:
                matches.update(await _accounts_in(connection, table, after, limit))
        return [AccountId(each) for each in sorted(matches)[:limit]]

    async def holds(self, account: AccountId) -> bool:
        """Whether there is anything of the account in it."""
        there = [exists().where(table.c.account_id == account) for table in _TABLES]
        async with self._database.writer.read() as connection:
            return any([await connection.scalar(select(each)) for each in there])

    async def page(self, account: AccountId, before: str | None, limit: int) -> dict[str, Held]:
        """All that lies under the next keys below `before`, the highest first; fewer than `limit` keys at the end."""
        keys: set[str] = set()
        async with self._database.writer.read() as connection:
            for table in _TABLES:
                key = table.c.captured_key
                statement = select(key).where(table.c.account_id == account).distinct().order_by(key.desc())
                if before is not None:
                    statement = statement.where(key < before)
                keys.update(await connection.scalars(statement.limit(limit)))
            return await _held(connection, account, sorted(keys, reverse=True)[:limit])

    async def at(self, account: AccountId, key: str) -> Held:
        """All that lies under this key."""
        async with self._database.writer.read() as connection:
            return (await _held(connection, account, [key]))[key]


async def _accounts_in(connection: AsyncConnection, table: Table, after: str, limit: int) -> list[str]:
    """With one look for each, which costs the same however many rows an account has."""
    accounts: list[str] = []
    while len(accounts) < limit:
        statement = await connection.scalar(
            select(func.min(table.c.account_id)).where(table.c.account_id > (accounts[-1] if accounts else after))
        )
        if statement is None:
            break
        accounts.append(statement)
    return accounts


async def _held(connection: AsyncConnection, account: AccountId, keys: Sequence[str]) -> dict[str, Held]:
    held: dict[str, set[tuple[ItemId, str]]] = {key: set() for key in keys}
    for table, word in ((item_index, literal("")), (item_words, item_words.c.word)):
        there = select(table.c.captured_key, table.c.item_id, word).where(
            table.c.account_id == account, table.c.captured_key.in_(keys)
        )
        for key, item, each in await connection.execute(there):
            held[key].add((ItemId(item), each))
    return {key: frozenset(those) for key, those in held.items()}
