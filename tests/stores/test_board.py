"""What a process pins up about itself is read by all, until it stops repeating it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.stores.signals import Signals
from shared.ids import new_ulid


@pytest.fixture
async def signals(valkey_url: str) -> AsyncIterator[Signals]:
    async with Signals(valkey_url) as signals:
        yield signals


async def test_notices_of_several_processes_stand_side_by_side(signals: Signals) -> None:
    board = new_ulid()
    await signals.board.post(board, "one", seconds=60)
    await signals.board.post(board, "two", seconds=60)
    await signals.board.post(board, "one", seconds=60)
    assert set(await signals.board.read(board) or ()) == {"one", "two"}


async def test_a_notice_that_is_not_repeated_falls_off(signals: Signals) -> None:
    board = new_ulid()
    await signals.board.post(board, "staying", seconds=60)
    await signals.board.post(board, "leaving", seconds=1)
    async with asyncio.timeout(60):
        while await signals.board.read(board) != ("staying",):  # noqa: ASYNC110  # Redis's clock wakes no event
            await asyncio.sleep(0.1)


async def test_an_empty_board_is_something_else_than_a_redis_that_is_away(signals: Signals) -> None:
    assert await signals.board.read(new_ulid()) == ()
    async with Signals("redis://127.0.0.1:1/0") as nowhere:
        await nowhere.board.post("any", "lost", seconds=60)
        assert await nowhere.board.read("any") is None
