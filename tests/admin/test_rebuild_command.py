"""`darkroom admin rebuild-search` makes the index match the rows, for one account or all."""

import argparse
import asyncio

import pytest
from sqlalchemy import delete

from app.admin.commands.rebuild_search import rebuild_search
from app.projections import SEARCH
from app.search.schema.tables import item_index
from app.search.store.index import IndexStore
from tests.services import Services, Stores


async def rebuild(stores: Stores, account: str | None) -> int:
    return await asyncio.to_thread(rebuild_search, stores.settings(), argparse.Namespace(account=account))


async def test_an_account_is_indexed_even_if_it_had_no_index(
    services: Services, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    await services.create(b"one")
    index, database = IndexStore(services.base.database), services.base.database
    for _ in range(2):
        assert await rebuild(stores, services.account) == 0
        assert "of 1 accounts" in capsys.readouterr().out
        assert (await index.count_rows(services.account))["item_index"] == 1
    async with database.writer.write() as connection:
        await connection.execute(delete(item_index).where(item_index.c.account_id == services.account))
    assert await rebuild(stores, None) == 0
    assert (await index.count_rows(services.account))["item_index"] == 1
    assert services.account in await services.base.events.cursors.accounts(SEARCH, "", 10_000)
