"""Statements over the projections' cursors that other capabilities' stores run or extend."""

from sqlalchemy import ColumnElement, Exists, Select, select

from app.events.schema.tables import cursors
from darkroom_shared.ids import AccountId


def applied_number(projection: str, account: AccountId) -> Select[int]:
    """Select the number of the last event that the projection has applied."""
    return select(cursors.c.applied).where(cursors.c.follower == projection, cursors.c.account_id == account)


def accounts_with_cursor(projection: str, after: str, limit: int) -> Select[str]:
    """Select the accounts above `after` that the projection has a cursor for, in order."""
    return (
        select(cursors.c.account_id)
        .where(cursors.c.follower == projection, cursors.c.account_id > after)
        .order_by(cursors.c.account_id)
        .limit(limit)
    )


def has_cursor(projection: str, account: ColumnElement[str]) -> Exists:
    """Return the condition that the projection has a cursor for the account, a column of the enclosing statement."""
    cursor = select(cursors.c.account_id).where(cursors.c.follower == projection, cursors.c.account_id == account)
    return cursor.exists()
