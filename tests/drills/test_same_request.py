"""Repeated requests of a client that does not know how the first one ended."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from darkroom_shared.ids import new_ulid
from tests.drills.installation import PASSWORD, Installation, Rule, inject, injected
from tests.drills.people import a_photo
from tests.drills.processes import DRILL_SECONDS, PLENTY_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

TIMES = 50


@pytest.fixture
async def fronts(processes: Processes) -> list[str]:
    """Start two web processes, each in front of its own app."""
    apps = [processes.app(), processes.app()]
    webs = [processes.web(app) for app in apps]
    await asyncio.gather(*(process.ready() for process in [*apps, *webs]))
    return [web.url for web in webs]


@pytest.fixture
async def http(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is signed in as a new user."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(signed_in(installation))


def signed_in(installation: Installation) -> httpx.AsyncClient:
    who = {"email": f"{new_ulid()}@example.com", "password": PASSWORD}
    httpx.post(f"{installation.url}/v1/accounts", json=who, timeout=60).raise_for_status()
    token = httpx.post(f"{installation.url}/v1/sessions", json=who, timeout=60).raise_for_status().json()["token"]
    return httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)


def create_body(content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"name": "photo.jpg", "size_bytes": len(content), "content_type": "image/jpeg", "digest": digest}


def without_urls(response: httpx.Response) -> dict[str, Any]:
    results: dict[str, Any] = response.json()
    del results["upload"]["url"], results["upload"]["expires_at"]
    return results


async def test_fifty_concurrent_equal_requests_create_one_item_and_equal_responses(
    fronts: list[str], http: httpx.AsyncClient
) -> None:
    content, key = a_photo(), {"Idempotency-Key": new_ulid()}
    responses = await asyncio.gather(
        *(http.post(f"{fronts[n % 2]}/v1/items", json=create_body(content), headers=key) for n in range(TIMES))
    )
    assert {response.status_code for response in responses} == {201}
    assert all(without_urls(response) == without_urls(responses[0]) for response in responses)
    assert {response.headers["Location"] for response in responses} == {responses[0].headers["Location"]}
    listed = [(await http.get(f"{front}/v1/items")).json()["items"] for front in fronts]
    assert [len(items) for items in listed] == [1, 1]


async def test_the_same_key_with_another_body_is_refused(installation: Installation, http: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": new_ulid()}
    await http.post(f"{installation.url}/v1/items", json=create_body(a_photo()), headers=key)
    other = await http.post(f"{installation.url}/v1/items", json=create_body(a_photo()), headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-mismatch")


async def test_an_idempotency_key_is_scoped_to_its_account(installation: Installation, http: httpx.AsyncClient) -> None:
    content, key = a_photo(), {"Idempotency-Key": new_ulid()}
    async with signed_in(installation) as other_account:
        other = await other_account.post(f"{installation.url}/v1/items", json=create_body(content), headers=key)
    own = await http.post(f"{installation.url}/v1/items", json=create_body(content), headers=key)
    assert own.status_code == other.status_code == 201
    assert own.json()["item"]["id"] != other.json()["item"]["id"]


async def test_a_retry_detects_a_transaction_with_a_dropped_response(
    installation: Installation, http: httpx.AsyncClient
) -> None:
    body, key = create_body(a_photo()), {"Idempotency-Key": new_ulid()}
    await inject(installation.tables, Rule("TransactWriteItems", "drop_response", times=1))
    first = await http.post(f"{installation.url}/v1/items", json=body, headers=key)
    assert await injected(installation.tables) == 1
    second = await http.post(f"{installation.url}/v1/items", json=body, headers=key)
    assert first.status_code == second.status_code == 201
    assert without_urls(first) == without_urls(second)
    assert len((await http.get(f"{installation.url}/v1/items")).json()["items"]) == 1


async def test_an_app_killed_between_commit_and_response_repeats_it_for_the_retry(
    installation: Installation, processes: Processes, http: httpx.AsyncClient
) -> None:
    body, key = create_body(a_photo()), {"Idempotency-Key": new_ulid()}
    http.headers["X-Darkroom-Tier"] = installation.app["DARKROOM_TIER_SECRET"]  # there is no web tier in between
    killed, successor = processes.app(), processes.app()
    await asyncio.gather(killed.ready(), successor.ready())
    await inject(installation.tables, Rule("TransactWriteItems", "drop_response"))
    pending = asyncio.create_task(http.post(f"{killed.url}/v1/items", json=body, headers=key))
    async with asyncio.timeout(PLENTY_SECONDS):
        while not await injected(installation.tables):  # noqa: ASYNC110  # another process wakes no event
            await asyncio.sleep(0.01)
    # at this point it is committed, and the app has not received the response
    killed.kill()
    with pytest.raises(httpx.TransportError):
        await pending
    await inject(installation.tables)
    first = await http.post(f"{successor.url}/v1/items", json=body, headers=key)
    again = await http.post(f"{successor.url}/v1/items", json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert without_urls(first) == without_urls(again)
    (item,) = (await http.get(f"{successor.url}/v1/items")).json()["items"]
    assert item["id"] == first.json()["item"]["id"]
    events = (await http.get(f"{successor.url}/v1/events?after=0")).json()["events"]
    assert [event["type"] for event in events] == ["item.created"]
