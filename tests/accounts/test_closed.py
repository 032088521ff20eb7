"""Closed accounts in the database: one eraser at a time takes each, counts it once and leaves a tombstone."""

import asyncio
from datetime import timedelta

import pytest

from app.accounts.store.closed import LEASE, ClosedAccounts, Counts
from app.jobs.claim import ClaimLost
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId
from tests.accounts.accounts_api import AccountsApi


async def close(accounts_api: AccountsApi, account: AccountId, password_hash: str) -> bool:
    async with accounts_api.cache.change() as unit:
        return await accounts_api.store.close_account(unit.connection, account, password_hash, accounts_api.clock())


async def closed_by(accounts_api: AccountsApi) -> AccountId:
    signed_in = await accounts_api.register_and_sign_in()
    account, email = AccountId(signed_in["account"]["id"]), signed_in["account"]["email"]
    credentials = await accounts_api.store.get_credentials(email)
    assert credentials is not None
    closed = [await close(accounts_api, account, each) for each in ("another hash", *2 * [credentials.password_hash])]
    assert closed == [False, True, False]
    assert (await accounts_api.http.get("/account", headers=signed_in["headers"])).status_code == 401
    assert await accounts_api.store.count_rows(account) == {"accounts": 0, "sessions": 0}
    return account


async def test_one_eraser_takes_a_closed_account_and_another_one_only_after_its_lease(
    accounts_api: AccountsApi, database_url: str
) -> None:
    database = Database(database_url)
    closed, account = ClosedAccounts(database, accounts_api.clock), await closed_by(accounts_api)
    assert await closed.due() == [account]
    taken = await asyncio.gather(*(closed.take(account) for _ in range(4)))
    assert [each is not None for each in taken].count(True) == 1
    assert await closed.due() == []
    (leased,) = [each for each in taken if each is not None]
    accounts_api.clock.now += LEASE / 2
    renewed = await closed.renew(leased)
    accounts_api.clock.now += LEASE / 2
    assert await closed.take(account) is None
    accounts_api.clock.now += LEASE / 2
    assert await closed.take(account) is not None
    for late in (leased, renewed):
        with pytest.raises(ClaimLost):
            await closed.renew(late)
        with pytest.raises(ClaimLost):
            await closed.record_erased(late)
    await database.close()


async def test_an_account_registered_after_the_last_one_closed_is_no_administrator(accounts_api: AccountsApi) -> None:
    await closed_by(accounts_api)
    assert not (await accounts_api.register_and_sign_in())["account"]["administrator"]


async def test_the_first_counts_stay_and_the_second_erasure_waits_for_the_last_upload(
    accounts_api: AccountsApi, database_url: str
) -> None:
    database = Database(database_url)
    closed, account = ClosedAccounts(database, accounts_api.clock), await closed_by(accounts_api)
    uploads_end = accounts_api.clock() + timedelta(hours=1)
    leased = await closed.take(account)
    assert leased is not None
    await closed.record_counts(account, Counts(3, 20 * 2**40, 9), uploads_end)
    await closed.record_counts(account, Counts(1, 5, 9), accounts_api.clock())
    await closed.record_first_erasure(leased, accounts_api.clock() + timedelta(minutes=1))
    accounts_api.clock.advance(minutes=59)
    assert await closed.due() == []
    accounts_api.clock.advance(minutes=1)
    assert await closed.due() == [account]
    leased = await closed.take(account)
    assert leased is not None
    await closed.record_erased(leased)
    tombstone = await closed.get(account)
    assert tombstone is not None
    assert (tombstone.counts, tombstone.uploads_end, tombstone.erased_at) == (
        Counts(3, 20 * 2**40, 9),
        uploads_end,
        accounts_api.clock(),
    )
    assert await closed.due() == []
    assert await closed.take(account) is None
    await database.close()
