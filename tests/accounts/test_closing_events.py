"""An account is closed once it is committed, also if the event log fails or does not respond: the eraser repeats it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.accounts.service.closing import ClosingService
from app.accounts.service.passwords import Passwords
from app.events.service.log import EventLog
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import NotFound, Unavailable
from tests.accounts.accounts_api import PASSWORD, AccountsApi
from tests.api import CHEAP_MEMORY_KIB


class FailingLog(EventLog):
    def __init__(self, fail: Callable[[], Awaitable[None]]) -> None:
        self._fail = fail

    async def close(self, account: AccountId) -> None:
        await self._fail()


async def never_respond() -> None:
    await asyncio.Event().wait()


async def be_unavailable() -> None:
    raise Unavailable


async def crash() -> None:
    raise KeyError("a programming error")


@pytest.mark.parametrize("fail", [never_respond, be_unavailable, crash], ids=lambda fail: fail.__name__)
async def test_an_account_closes_whatever_the_event_log_does(
    anonymous: AccountsApi, fail: Callable[[], Awaitable[None]]
) -> None:
    signed_in, passwords = await anonymous.register_and_sign_in(), Passwords(CHEAP_MEMORY_KIB)
    account = AccountId(signed_in["account"]["id"])
    closing = ClosingService(
        store=anonymous.store,
        cache=anonymous.cache,
        passwords=passwords,
        attempts=anonymous.attempts,
        events=FailingLog(fail),
        clock=anonymous.clock,
    )
    async with asyncio.timeout(60):
        closed = await closing.close(account, PASSWORD, client="a client")
    assert closed.id == account
    with pytest.raises(NotFound):
        await closing.close(account, PASSWORD, client="a client")
    passwords.close()
