"""SQL statements for comments and unread marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.statements import members_who_see
from app.comments.schema.tables import comments, unread_comments
from darkroom_shared.ids import AccountId, CommentId, ItemId

MAX_RECIPIENTS = 1_000
"""Maximum number of accounts that receive an event about a comment; all others can still read it."""
MAX_UNREAD_ITEMS = 200
"""Unread comments are counted on at most this many items: those with the newest comments."""

_ROW = (
    comments.c.id,
    comments.c.item_id,
    comments.c.owner_id,
    comments.c.author_id,
    comments.c.text,
    comments.c.version,
    comments.c.created_at,
    comments.c.edited_at,
)


@dataclass(frozen=True, slots=True)
class CommentRow:
    """`owner_id` is the owner of the item."""

    id: CommentId
    item_id: ItemId
    owner_id: AccountId
    author_id: AccountId
    text: str
    version: int
    created_at: datetime
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """The number of comments on one item that an account has not read, and the newest of them."""

    item_id: ItemId
    owner_id: AccountId
    count: int
    newest: CommentId


class CommentStore:
    """Each method is one step of the caller's transaction. Raises Unavailable, as the database does."""

    async def page(
        self, connection: AsyncConnection, item: ItemId, *, before: str | None, limit: int
    ) -> tuple[list[CommentRow], bool]:
        """Return the newest first, and whether more follow."""
        statement = select(*_ROW).where(comments.c.item_id == item).order_by(comments.c.id.desc()).limit(limit + 1)
        if before is not None:
            statement = statement.where(comments.c.id < before)
        rows = [_row(each) for each in (await connection.execute(statement)).mappings()]
        return rows[:limit], len(rows) > limit

    async def get(self, connection: AsyncConnection, item: ItemId, comment: CommentId) -> CommentRow | None:
        """Return None if the comment is absent or on another item."""
        statement = select(*_ROW).where(comments.c.id == comment, comments.c.item_id == item)
        row = (await connection.execute(statement)).mappings().first()
        return _row(row) if row else None

    async def add(self, connection: AsyncConnection, row: CommentRow, unread_by: Sequence[AccountId]) -> None:
        """Insert the comment, and a row for each account that has not read it."""
        await connection.execute(insert(comments).values(_values(row)))
        if unread_by:
            rows = [{"account_id": each, "comment_id": row.id, "item_id": row.item_id} for each in unread_by]
            await connection.execute(insert(unread_comments), rows)

    async def edit(self, connection: AsyncConnection, before: CommentRow, text: str, now: datetime) -> bool:
        """Return False, without a change, if the comment was edited or removed since `before` was read."""
        change = (
            update(comments)
            .where(comments.c.id == before.id, comments.c.version == before.version)
            .values(text=text, edited_at=now, version=before.version + 1)
        )
        return (await connection.execute(change)).rowcount == 1

    async def remove(self, connection: AsyncConnection, rows: Sequence[CommentRow]) -> int:
        """Return the number of deleted comments. The database deletes their unread marks, too."""
        statement = delete(comments).where(comments.c.id.in_([row.id for row in rows]))
        return (await connection.execute(statement)).rowcount

    async def recipients(self, connection: AsyncConnection, owner: AccountId, item: ItemId) -> list[AccountId]:
        """Return the accounts that receive the item's comment events: its owner, and the members of its albums."""
        statement = members_who_see(item).limit(MAX_RECIPIENTS)
        rows = [AccountId(each) for each in (await connection.execute(statement)).scalars()]
        return list(dict.fromkeys([owner, *rows]))

    async def unread_by(self, connection: AsyncConnection, rows: Sequence[CommentRow]) -> list[AccountId]:
        """Return the accounts that have not read at least one of these comments."""
        statement = select(unread_comments.c.account_id).distinct()
        among = unread_comments.c.comment_id.in_([row.id for row in rows])
        return [AccountId(each) for each in (await connection.execute(statement.where(among))).scalars()]

    async def unread(self, connection: AsyncConnection, account: AccountId) -> tuple[Unread, ...]:
        """Count unread comments by item, the one with the newest comment first; at most MAX_UNREAD_ITEMS items."""
        newest = func.max(unread_comments.c.comment_id)
        statement = (
            select(comments.c.item_id, comments.c.owner_id, func.count().label("count"), newest.label("newest"))
            .select_from(unread_comments)
            .join(comments, comments.c.id == unread_comments.c.comment_id)
            .where(unread_comments.c.account_id == account)
            .group_by(comments.c.item_id, comments.c.owner_id)
            .order_by(newest.desc())
            .limit(MAX_UNREAD_ITEMS)
        )
        return tuple(Unread(**row) for row in (await connection.execute(statement)).mappings())

    async def mark_read(
        self, connection: AsyncConnection, account: AccountId, up_to: CommentId, item: ItemId | None
    ) -> None:
        """Delete the unread marks up to `up_to`, on one item or on all. Idempotent."""
        read = delete(unread_comments).where(
            unread_comments.c.account_id == account, unread_comments.c.comment_id <= up_to
        )
        await connection.execute(read if item is None else read.where(unread_comments.c.item_id == item))

    async def oldest_unread(
        self, connection: AsyncConnection, before: CommentId, limit: int
    ) -> list[tuple[AccountId, CommentId]]:
        """Return the unread marks of comments with an id below `before`, the oldest comments first."""
        statement = (
            select(unread_comments.c.account_id, unread_comments.c.comment_id)
            .where(unread_comments.c.comment_id < before)
            .order_by(unread_comments.c.comment_id)
            .limit(limit)
        )
        return [(AccountId(row.account_id), CommentId(row.comment_id)) for row in await connection.execute(statement)]

    async def rows_of_account(self, connection: AsyncConnection, account: AccountId, limit: int) -> list[CommentRow]:
        """Return at most `limit` comments that the account wrote, or that are on its items; empty if none is left."""
        for of_account in (comments.c.author_id == account, comments.c.owner_id == account):
            rows = (await connection.execute(select(*_ROW).where(of_account).limit(limit))).mappings().all()
            if rows:
                return [_row(each) for each in rows]
        return []

    async def delete_unread_of(self, connection: AsyncConnection, account: AccountId) -> int:
        """Delete all unread marks of the account; return their number."""
        return (
            await connection.execute(delete(unread_comments).where(unread_comments.c.account_id == account))
        ).rowcount

    async def count_rows(self, connection: AsyncConnection, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        of_account = (comments.c.author_id == account) | (comments.c.owner_id == account)
        counted = {comments: of_account, unread_comments: unread_comments.c.account_id == account}
        return {
            table.name: await connection.scalar(select(func.count(literal(1))).select_from(table).where(where)) or 0
            for table, where in counted.items()
        }


def _values(row: CommentRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in _ROW}


def _row(row: RowMapping) -> CommentRow:
    return CommentRow(**row)
