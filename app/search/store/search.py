"""Reading the search index: candidates by capture time, at a cost that does not grow with the account."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, literal, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.statements import placed_in, placement, titles_of_joined, titles_of_own
from app.events.schema.statements import applied_number
from app.search.schema.query import Query, Term
from app.search.schema.tables import item_index, item_words
from app.stores.aurora import Source
from darkroom_shared.ids import AccountId, AlbumId, ItemId

MAX_GATHERED = 2_000
"""A term with at most this many matches is read completely and sorted; otherwise items are scanned from the newest."""
WINDOW = 1_000
"""Items per step of the scan."""
MAX_ALBUMS = 1_000
"""Own and joined albums, each the newest ones, whose titles one search reads."""
_LAST = "\U0010ffff"

Rows = Select[str, str]
"""Selects `captured_key` and `item_id`."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Newest first. The next page starts below the key `resume`; None on the last page. The index has applied the
    events up to `applied`."""

    items: list[ItemId]
    resume: str | None
    applied: int


class SearchStore:
    """Queries on the search index. Raises Unavailable, as the database does."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def titles(self, account: AccountId) -> dict[AlbumId, str]:
        """Return the titles of the albums that the account owns or is a member of."""
        titles: dict[AlbumId, str] = {}
        async with self._source.read() as connection:
            for requested in (titles_of_own(account), titles_of_joined(account)):
                newest = requested.order_by(requested.selected_columns.id.desc()).limit(MAX_ALBUMS)
                titles |= {AlbumId(album): title for album, title in await connection.execute(newest)}
        return titles

    async def applied(self, account: AccountId, projection: str) -> int:
        """Return the number of the last applied event; 0 if the index does not have the account yet."""
        async with self._source.read() as connection:
            return await _applied(connection, account, projection)

    async def candidates(
        self, account: AccountId, projection: str, query: Query, before: str | None, limit: int
    ) -> Candidates:
        """Return at most `limit` items below the key `before`; fewer, or none, if the next matches are beyond the scan
        window."""
        async with self._source.read() as connection:
            applied = await _applied(connection, account, projection)
            scan = _Scan(connection, account, query, min(filter(None, (before, query.newest)), default=None), limit)
            items, resume = await scan.run()
        return Candidates(items, resume, applied)


@dataclass(frozen=True, slots=True)
class _Scan:
    connection: AsyncConnection
    account: AccountId
    query: Query
    before: str | None
    limit: int

    async def run(self) -> tuple[list[ItemId], str | None]:
        selective, min_count = None, MAX_GATHERED + 1
        for part in _parts(self.query):
            count = await self._count(part)
            if count < min_count:
                selective, min_count = part, count
            if min_count == 0:
                return [], None
        if selective is not None:
            return await self._filter_matches(selective)
        return await self._scan_window()

    async def _count(self, part: "Term | AlbumId") -> int:
        counted = _rows_of(self.account, part).limit(MAX_GATHERED + 1).subquery()
        return int(await self.connection.scalar(select(func.count()).select_from(counted)) or 0)

    async def _filter_matches(self, part: "Term | AlbumId") -> tuple[list[ItemId], str | None]:
        """Filter all matches of the most selective part."""
        matches = _rows_of(self.account, part).limit(MAX_GATHERED).subquery()
        return await self._matching(select(matches.c.captured_key, matches.c.item_id).distinct(), matches, part)

    async def _scan_window(self) -> tuple[list[ItemId], str | None]:
        """Scan from the newest item on, along the index of one exact word if there is one, else along all items."""
        exact = next((part for part in self.query.terms if not part.prefix and not part.albums), None)
        table: FromClause = item_words if exact else item_index
        rows: Rows = select(table.c.captured_key, table.c.item_id).where(table.c.account_id == self.account)
        if exact:
            rows = rows.where(item_words.c.word == exact.word)
        if len(list(_parts(self.query))) <= bool(exact):
            return await self._matching(rows, table, exact)
        ordered = rows.where(*self._bounds(table)).order_by(table.c.captured_key.desc()).limit(WINDOW).subquery()
        reach = select(func.count(), func.min(ordered.c.captured_key)).select_from(ordered)
        count, lowest = (await self.connection.execute(reach)).one()
        if count == 0:
            return [], None
        items, resume = await self._matching(rows.where(table.c.captured_key >= lowest), table, exact)
        return items, resume or (lowest if count == WINDOW else None)

    async def _matching(
        self, rows: Rows, table: FromClause, known: "Term | AlbumId | None"
    ) -> tuple[list[ItemId], str | None]:
        """Return the rows that match all parts. They are known to match `known`."""
        rest = [self._fits(part, table) for part in _parts(self.query) if part is not known]
        requested = rows.where(*self._bounds(table), *rest).order_by(table.c.captured_key.desc()).limit(self.limit + 1)
        matches = (await self.connection.execute(requested)).all()
        items = [ItemId(row.item_id) for row in matches[: self.limit]]
        return items, matches[self.limit - 1].captured_key if len(matches) > self.limit else None

    def _bounds(self, table: FromClause) -> list[ColumnElement[bool]]:
        bounds = []
        if self.before is not None:
            bounds.append(table.c.captured_key < self.before)
        if self.query.oldest is not None:
            bounds.append(table.c.captured_key >= self.query.oldest)
        return bounds

    def _fits(self, part: "Term | AlbumId", table: FromClause) -> ColumnElement[bool]:
        if not isinstance(part, Term):
            return _is_in((part,), table)
        word = item_words.alias()
        own = select(literal(1)).where(
            word.c.account_id == self.account, word.c.captured_key == table.c.captured_key, _is_word(part, word)
        )
        has_word = _by_primary_key(own)
        return or_(has_word, _is_in(part.albums, table)) if part.albums else has_word


async def _applied(connection: AsyncConnection, account: AccountId, projection: str) -> int:
    return int(await connection.scalar(applied_number(projection, account)) or 0)


def _parts(query: Query) -> "list[Term | AlbumId]":
    return [*query.terms, *([query.album] if query.album else [])]


def _rows_of(account: AccountId, part: "Term | AlbumId") -> Rows:
    """Select the rows that match one part, unordered; for a prefix, an item occurs once per matching word."""
    indexed: Rows = select(item_index.c.captured_key, item_index.c.item_id).where(item_index.c.account_id == account)
    if not isinstance(part, Term):
        return placed_in(indexed, item_index.c.item_id, part)
    by_word = select(item_words.c.captured_key, item_words.c.item_id).where(
        item_words.c.account_id == account, _is_word(part, item_words)
    )
    if not part.albums:
        return by_word
    both = union(by_word, placed_in(indexed, item_index.c.item_id, part.albums)).subquery()
    return select(both.c.captured_key, both.c.item_id)


def _is_word(term: Term, table: FromClause) -> ColumnElement[bool]:
    if not term.prefix:
        return table.c.word == term.word
    return and_(table.c.word >= term.word, table.c.word <= term.word + _LAST)


def _is_in(requested: tuple[AlbumId, ...], table: FromClause) -> ColumnElement[bool]:
    return _by_primary_key(placement(table.c.item_id, requested))


def _by_primary_key(row: Select[int]) -> ColumnElement[bool]:
    """Test for the row by a lookup per item. EXISTS is equivalent, but MariaDB may then read all such rows first."""
    return row.limit(1).scalar_subquery().is_not(None)
