"""Idempotency of relational changes: the answer is kept in the transaction of the effect."""

import asyncio

import pytest

from app.events.requests import Answered, RelationalRequests, RequestKey
from app.stores.aurora import Conflict, Database
from app.worker.forgetting import Forgetter
from shared.ids import new_account_id
from shared.problems import IdempotencyMismatch
from tests.house import ManualClock

REQUEST = RequestKey("one", "f" * 64)


async def test_an_answer_is_found_by_its_key_for_a_day(database: Database, clock: ManualClock) -> None:
    requests, account = RelationalRequests(clock), new_account_id()
    async with database.writer.write() as connection:
        assert await requests.earlier(connection, account, REQUEST) is None
        await requests.note(connection, account, REQUEST, "alb_1", 201)
    async with database.writer.read() as connection:
        assert await requests.earlier(connection, account, REQUEST) == Answered("alb_1", 201)
        assert await requests.earlier(connection, new_account_id(), REQUEST) is None
        assert await requests.earlier(connection, account, None) is None
        clock.advance(days=1)
        assert await requests.earlier(connection, account, REQUEST) is None


async def test_the_same_key_with_another_body_is_a_mismatch(database: Database, clock: ManualClock) -> None:
    requests, account = RelationalRequests(clock), new_account_id()
    async with database.writer.write() as connection:
        await requests.note(connection, account, REQUEST, "alb_1", 201)
    async with database.writer.read() as connection:
        with pytest.raises(IdempotencyMismatch):
            await requests.earlier(connection, account, RequestKey("one", "0" * 64))


async def test_of_many_at_once_one_is_answered_first(database: Database, clock: ManualClock) -> None:
    requests, account = RelationalRequests(clock), new_account_id()

    async def answer(resource: str) -> str | None:
        try:
            async with database.writer.write() as connection:
                await requests.note(connection, account, REQUEST, resource, 201)
        except Conflict:
            return None
        return resource

    answers = await asyncio.gather(*(answer(f"alb_{number}") for number in range(8)))
    (first,) = [each for each in answers if each]
    async with database.writer.read() as connection:
        assert await requests.earlier(connection, account, REQUEST) == Answered(first, 201)


async def test_an_old_key_may_be_used_again_and_is_forgotten_in_time(database: Database, clock: ManualClock) -> None:
    requests, account = RelationalRequests(clock), new_account_id()
    for resource in ("alb_1", "alb_2"):
        async with database.writer.write() as connection:
            await requests.note(connection, account, REQUEST, resource, 201)
        clock.advance(days=1, seconds=1)
    async with database.writer.write() as connection:
        await requests.note(connection, account, RequestKey("two", "f" * 64), "alb_3", 201)
    await Forgetter(database, requests).visit()
    async with database.writer.write() as connection:
        assert await requests.erase(connection, account) == 1
