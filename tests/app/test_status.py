"""The public status: whether the stores respond, and nothing else about them."""

import asyncio
import contextlib

import pytest

from app.status import service
from app.status.service import StatusService
from darkroom_shared.problems import Unavailable
from tests.api import open_app
from tests.servers import free_port
from tests.services import Stores


async def test_it_is_ok_without_a_session_while_the_stores_respond(stores: Stores) -> None:
    async with open_app(stores.settings()) as (client, _):
        response = await client.get("status")
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert response.headers["Cache-Control"] == "no-store"


async def test_it_is_not_ok_while_a_store_is_away_and_names_no_store(stores: Stores) -> None:
    settings = stores.settings(dynamodb_endpoint=f"http://127.0.0.1:{free_port()}")
    async with open_app(settings) as (client, _):
        response = await client.get("status")
    assert (response.status_code, response.json()) == (503, {"ok": False})


class Checked:
    """A check that counts its calls and fails or hangs on demand."""

    def __init__(self) -> None:
        self.calls, self.fails, self.hangs = 0, False, False

    async def __call__(self) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise Unavailable


async def test_many_callers_share_one_check_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = Checked()
    status = StatusService({"database": checked})
    assert await asyncio.gather(*(status.is_ok() for _ in range(50))) == [True] * 50
    checked.fails = True
    assert await status.is_ok()
    assert checked.calls == 1
    monkeypatch.setattr(service, "CACHE_SECONDS", 0.0)
    status = StatusService({"database": checked})
    assert not await status.is_ok()
    checked.fails = False
    assert await status.is_ok()


async def test_a_store_that_does_not_respond_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CHECK_SECONDS", 0.01)
    checked = Checked()
    checked.hangs = True
    assert not await StatusService({"database": checked}).is_ok()


async def test_a_cancelled_caller_does_not_cancel_the_check_of_the_next() -> None:
    checked = Checked()
    checked.hangs = True
    status = StatusService({"database": checked})
    first = asyncio.create_task(status.is_ok())
    while not checked.calls:  # noqa: ASYNC110  no event
        await asyncio.sleep(0)
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    checked.hangs = False
    assert await status.is_ok()
