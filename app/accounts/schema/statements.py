"""Statements over accounts that other capabilities' stores run or extend."""

from sqlalchemy import Select, select

from app.accounts.schema.tables import accounts


def account_ids() -> Select[str]:
    """Select `id` of all accounts."""
    return select(accounts.c.id)
