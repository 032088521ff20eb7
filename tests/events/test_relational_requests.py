"""Idempotency of relational changes: the response is stored in the transaction of the effect."""

import asyncio

import pytest

from app.events.schema.values import CompletedRequest
from app.events.service.requests import RelationalRequests
from app.events.store.requests import RequestStore
from app.request_key import RequestKey
from app.stores.aurora import Conflict, Database
from app.worker.request_purger import ExpiredRequestPurger
from darkroom_shared.ids import new_account_id
from darkroom_shared.problems import IdempotencyMismatch
from tests.services import ManualClock

REQUEST = RequestKey("one", "f" * 64)


async def test_a_response_is_stored_under_its_key_for_a_day(database: Database, clock: ManualClock) -> None:
    requests, account = RelationalRequests(store=RequestStore(), clock=clock), new_account_id()
    async with database.writer.write() as connection:
        assert await requests.earlier(connection, account, REQUEST) is None
        await requests.note(connection, account, REQUEST, "alb_1", 201)
    async with database.writer.read() as connection:
        assert await requests.earlier(connection, account, REQUEST) == CompletedRequest(
            "alb_1", 201, REQUEST.fingerprint
        )
        assert await requests.earlier(connection, new_account_id(), REQUEST) is None
        assert await requests.earlier(connection, account, None) is None
        clock.advance(days=1)
        assert await requests.earlier(connection, account, REQUEST) is None


async def test_the_same_key_with_another_body_is_a_mismatch(database: Database, clock: ManualClock) -> None:
    requests, account = RelationalRequests(store=RequestStore(), clock=clock), new_account_id()
    async with database.writer.write() as connection:
        await requests.note(connection, account, REQUEST, "alb_1", 201)
    async with database.writer.read() as connection:
        with pytest.raises(IdempotencyMismatch):
            await requests.earlier(connection, account, RequestKey("one", "0" * 64))


async def test_one_of_many_concurrent_requests_completes_first(database: Database, clock: ManualClock) -> None:
    requests, account = RelationalRequests(store=RequestStore(), clock=clock), new_account_id()

    async def response(resource: str) -> str | None:
        try:
            async with database.writer.write() as connection:
                await requests.note(connection, account, REQUEST, resource, 201)
        except Conflict:
            return None
        return resource

    responses = await asyncio.gather(*(response(f"alb_{number}") for number in range(8)))
    (first,) = [each for each in responses if each]
    async with database.writer.read() as connection:
        assert await requests.earlier(connection, account, REQUEST) == CompletedRequest(first, 201, REQUEST.fingerprint)


async def test_an_expired_key_may_be_used_again_and_is_deleted(database: Database, clock: ManualClock) -> None:
    requests, account = RelationalRequests(store=RequestStore(), clock=clock), new_account_id()
    for resource in ("alb_1", "alb_2"):
        async with database.writer.write() as connection:
            await requests.note(connection, account, REQUEST, resource, 201)
        clock.advance(days=1, seconds=1)
    async with database.writer.write() as connection:
        await requests.note(connection, account, RequestKey("two", "f" * 64), "alb_3", 201)
    await ExpiredRequestPurger(database, requests).process()
    async with database.writer.write() as connection:
        assert await requests.erase(connection, account) == 1
