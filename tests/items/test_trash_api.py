"""Deleting, restoring and permanently deleting items over HTTP."""

from hashlib import sha256

import httpx
import pytest

from darkroom_shared.ids import new_item_id, new_ulid
from darkroom_shared.items import MAX_DELETED_PER_REQUEST
from tests.api import signed_in


async def an_item(api: httpx.AsyncClient) -> str:
    """Create an item in state `uploading` for the account that `api` is signed in to."""
    content = new_ulid().encode()
    digest = f"sha256:{sha256(content).hexdigest()}"
    body = {"name": "a.jpg", "size_bytes": len(content), "content_type": "image/jpeg", "digest": digest}
    response = await api.post("items", json=body)
    assert response.status_code == 201, response.text
    item: str = response.json()["item"]["id"]
    return item


async def listed(api: httpx.AsyncClient, **parameters: str) -> list[str]:
    """Return the ids of all pages."""
    results: list[str] = []
    cursor: str | None = None
    while True:
        response = await api.get("items", params=parameters | ({"cursor": cursor} if cursor else {}))
        assert response.status_code == 200, response.text
        page = response.json()
        results += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return results


async def test_a_deleted_item_is_listed_separately_and_restored(api: httpx.AsyncClient) -> None:
    item, other = await an_item(api), await an_item(api)
    assert (await api.delete(f"items/{item}")).status_code == 204
    assert (await api.delete(f"items/{item}")).status_code == 404
    assert (await api.get(f"items/{item}")).status_code == 404
    assert (await listed(api), await listed(api, deleted="true")) == ([other], [item])
    (results,) = (await api.get("items", params={"deleted": "true"})).json()["items"]
    assert results["state"] == "deleted"
    assert results["restorable_until"] > results["deleted_at"]

    restored = [await api.post(f"items/{item}/restore") for _ in range(2)]

    assert [(response.status_code, response.json()["state"]) for response in restored] == [(200, "cancelled")] * 2
    assert (await listed(api, deleted="true"), set(await listed(api))) == ([], {item, other})


async def test_a_permanently_deleted_item_cannot_be_restored(api: httpx.AsyncClient) -> None:
    trashed, item = await an_item(api), await an_item(api)
    assert (await api.delete(f"items/{trashed}")).status_code == 204
    for each in (trashed, item):
        assert (await api.delete(f"items/{each}", params={"permanently": "true"})).status_code == 204
        assert (await api.post(f"items/{each}/restore")).status_code == 404
    assert await listed(api, deleted="true") == []


async def test_if_match_is_checked_for_deletions_too(api: httpx.AsyncClient) -> None:
    item = await an_item(api)
    for parameters in ({}, {"permanently": "true"}):
        response = await api.delete(f"items/{item}", params=parameters, headers={"If-Match": '"7"'})
        assert response.status_code == 412


async def test_the_list_of_deleted_items_has_cursors_of_its_own(api: httpx.AsyncClient) -> None:
    items = [await an_item(api) for _ in range(5)]
    gone = [items[0], items[2], items[4]]
    assert (await api.post("items/delete", json={"ids": gone})).status_code == 200
    assert await listed(api, deleted="true", limit="1") == gone[::-1]
    assert await listed(api, deleted="true", limit="2", order="captured") == gone[::-1]
    cursor = (await api.get("items", params={"deleted": "true", "limit": "1"})).json()["next_cursor"]
    assert (await api.get("items", params={"cursor": cursor})).status_code == 422


async def test_other_accounts_items_are_absent_from_the_trash(api: httpx.AsyncClient) -> None:
    mine = await an_item(api)
    other_account = await signed_in(api)
    for method, path in (("DELETE", f"items/{mine}?permanently=true"), ("POST", f"items/{mine}/restore")):
        assert (await api.request(method, path, headers=other_account)).status_code == 404
    absent = new_item_id()
    response = await api.post("items/delete", json={"ids": [mine, absent], "permanently": True}, headers=other_account)
    assert response.json() == {"deleted": [], "absent": [mine, absent]}
    assert await listed(api) == [mine]


@pytest.mark.parametrize(
    "body",
    [{"ids": []}, {"ids": ["itm_1"]}, {"ids": [new_item_id()] * (MAX_DELETED_PER_REQUEST + 1)}, {"ids": [], "x": 1}],
)
async def test_an_invalid_list_of_ids_is_refused(api: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await api.post("items/delete", json=body)).status_code == 422
