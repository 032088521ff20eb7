"""The same request, sent again because its sender does not know how the first one ended."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from shared.ids import new_ulid
from tests.drills.installation import PASSWORD, Installation, Rule, inject, injected
from tests.drills.people import a_photo
from tests.drills.processes import DRILL_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

TIMES = 50


@pytest.fixture
async def fronts(processes: Processes) -> list[str]:
    """Two web processes, each before an app of its own."""
    apps = [processes.app(), processes.app()]
    webs = [processes.web(app) for app in apps]
    await asyncio.gather(*(process.ready() for process in [*apps, *webs]))
    return [web.url for web in webs]


@pytest.fixture
async def http(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as somebody new."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(signed_in(installation))


def signed_in(installation: Installation) -> httpx.AsyncClient:
    who = {"email": f"{new_ulid()}@example.com", "password": PASSWORD}
    httpx.post(f"{installation.url}/v1/accounts", json=who, timeout=60).raise_for_status()
    token = httpx.post(f"{installation.url}/v1/sessions", json=who, timeout=60).raise_for_status().json()["token"]
    return httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)


def wish(content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"name": "photo.jpg", "size_bytes": len(content), "content_type": "image/jpeg", "digest": digest}


def without_urls(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()
    del found["upload"]["url"], found["upload"]["expires_at"]
    return found


async def test_fifty_equal_requests_at_once_are_one_item_and_fifty_equal_answers(
    fronts: list[str], http: httpx.AsyncClient
) -> None:
    content, key = a_photo(), {"Idempotency-Key": new_ulid()}
    answers = await asyncio.gather(
        *(http.post(f"{fronts[n % 2]}/v1/items", json=wish(content), headers=key) for n in range(TIMES))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert all(without_urls(answer) == without_urls(answers[0]) for answer in answers)
    assert {answer.headers["Location"] for answer in answers} == {answers[0].headers["Location"]}
    listed = [(await http.get(f"{front}/v1/items")).json()["items"] for front in fronts]
    assert [len(items) for items in listed] == [1, 1]


async def test_the_same_key_with_another_body_is_refused(installation: Installation, http: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": new_ulid()}
    await http.post(f"{installation.url}/v1/items", json=wish(a_photo()), headers=key)
    other = await http.post(f"{installation.url}/v1/items", json=wish(a_photo()), headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-mismatch")


async def test_the_key_of_another_account_is_nobodys_business(
    installation: Installation, http: httpx.AsyncClient
) -> None:
    content, key = a_photo(), {"Idempotency-Key": new_ulid()}
    async with signed_in(installation) as stranger:
        theirs = await stranger.post(f"{installation.url}/v1/items", json=wish(content), headers=key)
    own = await http.post(f"{installation.url}/v1/items", json=wish(content), headers=key)
    assert own.status_code == theirs.status_code == 201
    assert own.json()["item"]["id"] != theirs.json()["item"]["id"]


async def test_a_transaction_whose_answer_was_lost_is_found_by_the_retry(
    installation: Installation, http: httpx.AsyncClient
) -> None:
    body, key = wish(a_photo()), {"Idempotency-Key": new_ulid()}
    await inject(installation.tables, Rule("TransactWriteItems", "lose_answer", times=1))
    first = await http.post(f"{installation.url}/v1/items", json=body, headers=key)
    assert await injected(installation.tables) == 1
    second = await http.post(f"{installation.url}/v1/items", json=body, headers=key)
    assert first.status_code == second.status_code == 201
    assert without_urls(first) == without_urls(second)
    assert len((await http.get(f"{installation.url}/v1/items")).json()["items"]) == 1


async def test_an_app_killed_between_commit_and_answer_gives_the_first_answer_to_the_retry(
    installation: Installation, processes: Processes, http: httpx.AsyncClient
) -> None:
    body, key = wish(a_photo()), {"Idempotency-Key": new_ulid()}
    doomed, heir = processes.app(), processes.app()
    await asyncio.gather(doomed.ready(), heir.ready())
    await inject(installation.tables, Rule("TransactWriteItems", "lose_answer"))
    asked = asyncio.create_task(http.post(f"{doomed.url}/v1/items", json=body, headers=key))
    while not await injected(installation.tables):  # noqa: ASYNC110  # another process wakes no event
        await asyncio.sleep(0.01)  # when this is over, it is committed, and the app does not know
    doomed.kill()
    with pytest.raises(httpx.TransportError):
        await asked
    await inject(installation.tables)
    first = await http.post(f"{heir.url}/v1/items", json=body, headers=key)
    again = await http.post(f"{heir.url}/v1/items", json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert without_urls(first) == without_urls(again)
    (item,) = (await http.get(f"{heir.url}/v1/items")).json()["items"]
    assert item["id"] == first.json()["item"]["id"]
    events = (await http.get(f"{heir.url}/v1/events?after=0")).json()["events"]
    assert [event["type"] for event in events] == ["item.created"]
