"""A write that is cancelled at any point leaves no lock behind."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.stores.aurora import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite+aiosqlite:///{tmp_path / 'darkroom.db'}")
    async with opened.writer.write() as connection:
        await connection.execute(text("CREATE TABLE entries (number INTEGER)"))
    gc.disable()  # the worst case: no collection closes the cursors of cancelled tasks
    yield opened
    gc.enable()
    await opened.close()


async def test_a_write_succeeds_immediately_after_writes_were_cancelled_at_any_moment(database: Database) -> None:
    chance = random.Random(1)

    async def write() -> None:
        for _ in range(3):
            async with database.writer.write() as connection:
                for _ in range(2):
                    await connection.execute(text("INSERT INTO entries VALUES (1)"))
                    await connection.execute(text("SELECT * FROM entries LIMIT 50"))

    retained = []
    for _ in range(60):
        tasks = [asyncio.create_task(write()) for _ in range(3)]
        retained += tasks  # with the exceptions that ended them
        await asyncio.sleep(chance.uniform(0, 0.02))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await write()
