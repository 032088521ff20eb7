"""Search over HTTP: parameters, pages, and no results of other accounts."""

from hashlib import sha256

import httpx
import pytest

from app.events.service.projection import ProjectionUpdater
from app.search.service.indexing import SearchIndex
from app.search.store.index import IndexStore
from darkroom_shared.ids import AccountId, new_album_id
from tests.api import signed_in
from tests.services import Services


@pytest.fixture
def client(api: httpx.AsyncClient) -> httpx.AsyncClient:
    return api


async def add(client: httpx.AsyncClient, name: str, captured_at: str, **more: str) -> str:
    digest = f"sha256:{sha256(name.encode() + captured_at.encode()).hexdigest()}"
    new_item = {
        "name": name,
        "size_bytes": 1,
        "content_type": "image/jpeg",
        "digest": digest,
        "captured_at": captured_at,
    }
    response = await client.post("items", json=new_item | more)
    assert response.status_code == 201, response.text
    return str(response.json()["item"]["id"])


async def index(client: httpx.AsyncClient, services: Services) -> None:
    """Index the account's items, as a worker on the same stores does."""
    account = AccountId((await client.get("account")).json()["id"])
    base = services.base
    await base.events.relay.relay(account)
    projection = SearchIndex(base.items.rows, IndexStore(base.database))
    await ProjectionUpdater(base.events.log, base.events.cursors, [projection]).apply_events(account)


async def test_search_returns_pages_of_items_represented_as_elsewhere(
    client: httpx.AsyncClient, services: Services
) -> None:
    ids = [await add(client, f"{day}.jpg", f"2026-07-0{day}T12:00:00Z", caption="Am Meer") for day in (1, 2, 3)]
    await index(client, services)
    response = await client.get("search", params={"q": "meer", "limit": 2})
    assert response.status_code == 200, response.text
    assert response.headers["Darkroom-Events"] == "3"
    page = response.json()
    assert page["items"][0] == (await client.get(f"items/{ids[2]}")).json()
    rest = (await client.get("search", params={"q": "meer", "limit": 2, "cursor": page["next_cursor"]})).json()
    assert [item["id"] for item in page["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    times = {"captured_from": "2026-07-02T14:00:00+02:00", "captured_to": "2026-07-03T12:00:00Z"}
    assert [item["id"] for item in (await client.get("search", params=times)).json()["items"]] == [ids[1]]


async def test_search_never_returns_another_accounts_items(client: httpx.AsyncClient, services: Services) -> None:
    await add(client, "secret.jpg", "2026-07-01T12:00:00Z")
    await index(client, services)
    cursor = (await client.get("search", params={"q": "jpg", "limit": 1})).json()["next_cursor"]
    assert cursor is None
    await add(client, "other.jpg", "2026-07-02T12:00:00Z")
    await index(client, services)
    cursor = (await client.get("search", params={"q": "jpg", "limit": 1})).json()["next_cursor"]
    other_account = await signed_in(client)
    response = await client.get("search", params={"q": "jpg"}, headers=other_account)
    assert response.json() == {"items": [], "next_cursor": None}
    stolen = await client.get("search", params={"q": "jpg", "limit": 1, "cursor": cursor}, headers=other_account)
    assert (stolen.status_code, stolen.json()["type"]) == (422, "urn:darkroom:problem:invalid")
    assert (await client.get("search", headers={"Authorization": ""})).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"q": "x" * 201},
        {"kind": "song"},
        {"album": "itm_01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        {"captured_from": "yesterday"},
        {"captured_to": "2026-07-01T12:00:00"},
        {"limit": "0"},
        {"cursor": "AAAA"},
        {"q": "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9"},
    ],
)
async def test_invalid_parameters_are_refused(client: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    response = await client.get("search", params=wrong)
    assert (response.status_code, response.json()["type"]) == (422, "urn:darkroom:problem:invalid")


async def test_another_accounts_album_and_an_absent_one_are_equally_empty(client: httpx.AsyncClient) -> None:
    response = await client.get("search", params={"album": new_album_id()})
    assert (response.status_code, response.json()) == (200, {"items": [], "next_cursor": None})
