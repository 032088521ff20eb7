"""Every invalid request gets a typed problem and registers nothing."""

from hashlib import sha256
from typing import Any

import httpx
import pytest

from app.settings import Registration
from darkroom_shared.ids import new_item_id
from darkroom_shared.problems import MEDIA_TYPE, TYPE_PREFIX
from darkroom_shared.uploads import LARGEST_ITEM_BYTES, SINGLE_PUT_BYTES
from tests.api import open_app, signed_in
from tests.services import Stores

CONTENT = b"not really a picture"
DIGEST = f"sha256:{sha256(CONTENT).hexdigest()}"
BODY: dict[str, Any] = {
    "name": "photo.jpg",
    "size_bytes": len(CONTENT),
    "content_type": "image/jpeg",
    "digest": DIGEST,
}


def assert_problem(response: httpx.Response, type_: str, status: int) -> dict[str, Any]:
    assert response.headers["content-type"] == MEDIA_TYPE
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["type"], body["status"]) == (status, TYPE_PREFIX + type_, status)
    return body


async def assert_nothing_registered(api: httpx.AsyncClient) -> None:
    listed = await api.get("items")
    assert listed.json()["items"] == []
    assert listed.headers["Darkroom-Events"] == "0"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "../../etc/passwd"}, "name"),
        ({"name": "line\nbreak"}, "name"),
        ({"name": "nul\0"}, "name"),
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": -1}, "size_bytes"),
        ({"size_bytes": 1.5}, "size_bytes"),
        ({"size_bytes": "many"}, "size_bytes"),
        ({"content_type": "jpeg"}, "content_type"),
        ({"content_type": "image/jpeg\r\nx-evil: 1"}, "content_type"),
        ({"digest": None}, "digest"),
        ({"digest": "md5:abc"}, "digest"),
        ({"digest": "sha256:abc"}, "digest"),
        ({"digest": f"sha256-parts:{'0' * 64}-2"}, "digest"),
        ({"size_bytes": SINGLE_PUT_BYTES + 1}, "digest"),
        ({"size_bytes": SINGLE_PUT_BYTES + 1, "digest": f"sha256-parts:{'0' * 64}-7"}, "digest"),
        ({"captured_at": "yesterday"}, "captured_at"),
        ({"captured_at": "2026-01-01T00:00:00"}, "captured_at"),
        ({"captured_at": "0001-01-01T00:00:00+14:00"}, "captured_at"),
        ({"captured_at": "9999-12-31T23:59:59-14:00"}, "captured_at"),
        ({"caption": "x" * 2001}, "caption"),
        ({"state": "ready"}, "state"),
        ({"account_id": "acc_01"}, "account_id"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_registered(
    api: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    response = await api.post("items", json=BODY | change)
    body = assert_problem(response, "invalid", 422)
    assert field in {error["field"].split(".")[-1] for error in body["errors"]}
    await assert_nothing_registered(api)


async def test_an_item_of_21_gib_is_refused(api: httpx.AsyncClient) -> None:
    response = await api.post("items", json=BODY | {"size_bytes": 21 * 1024**3, "digest": None})
    assert assert_problem(response, "too-large", 413)["largest_bytes"] == LARGEST_ITEM_BYTES
    await assert_nothing_registered(api)


async def test_an_item_beyond_the_quota_is_refused(stores: Stores) -> None:
    settings = stores.settings(registration=Registration.OPEN, account_quota_bytes=30)
    async with open_app(settings) as (api, _state):
        api.headers.update(await signed_in(api))
        assert (await api.post("items", json=BODY)).status_code == 201
        other = BODY | {"digest": f"sha256:{'1' * 64}"}
        assert_problem(await api.post("items", json=other), "quota-exceeded", 413)
        assert len((await api.get("items")).json()["items"]) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1, 2", b'{"name": }'])
async def test_invalid_json_is_a_bad_request(api: httpx.AsyncClient, body: bytes) -> None:
    response = await api.post("items", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == MEDIA_TYPE
    await assert_nothing_registered(api)


@pytest.mark.parametrize(
    "path", ["items/1", "items/ses_01M85JJK0BNZ4H28CRV33R5X93", "items/itm_..%2F..", "items/itm_", "items/%00"]
)
async def test_an_id_of_another_type_is_refused(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path)
    assert response.status_code in {404, 422}
    assert response.headers["content-type"] == MEDIA_TYPE


async def test_another_accounts_items_equal_absent_ones(api: httpx.AsyncClient) -> None:
    own = (await api.post("items", json=BODY)).json()["item"]["id"]
    other_account = await signed_in(api)
    for path in ("", "/receipt", "/original", "/parts"):
        another = await api.get(f"items/{own}{path}", headers=other_account)
        absent = await api.get(f"items/{new_item_id()}{path}", headers=other_account)
        assert_problem(another, "not-found", 404)
        assert another.json() == absent.json()
    for path in ("complete", "cancel", "retry"):
        assert_problem(await api.post(f"items/{own}/{path}", headers=other_account), "not-found", 404)


async def test_a_cursor_of_another_account_or_order_is_refused(api: httpx.AsyncClient) -> None:
    for number in range(3):
        body = BODY | {"digest": f"sha256:{number:064x}"}
        assert (await api.post("items", json=body)).status_code == 201
    cursor = (await api.get("items", params={"limit": 1})).json()["next_cursor"]
    assert (await api.get("items", params={"limit": 1, "cursor": cursor})).status_code == 200
    assert_problem(await api.get("items", params={"cursor": cursor, "order": "captured"}), "invalid", 422)
    other_account = await signed_in(api)
    assert_problem(await api.get("items", params={"cursor": cursor}, headers=other_account), "invalid", 422)
    for wrong in ("x", "AAAA", cursor[:-2], cursor[1:], "ü"):
        assert_problem(await api.get("items", params={"cursor": wrong}), "invalid", 422)


async def test_complete_without_an_upload_is_refused_and_the_item_stays(api: httpx.AsyncClient) -> None:
    created = (await api.post("items", json=BODY)).json()
    item = created["item"]["id"]
    assert_problem(await api.post(f"items/{item}/complete"), "not-uploaded", 409)
    assert (await api.get(f"items/{item}")).json()["state"] == "uploading"


async def test_wrong_bytes_wrong_size_and_another_type_never_reach_s3(api: httpx.AsyncClient) -> None:
    created = (await api.post("items", json=BODY)).json()
    upload, item = created["upload"], created["item"]["id"]
    async with httpx.AsyncClient(timeout=60) as s3:
        wrong_bytes = await s3.put(upload["url"], content=b"x" * len(CONTENT), headers=upload["headers"])
        wrong_size = await s3.put(upload["url"], content=CONTENT + b"!", headers=upload["headers"])
        wrong_type = await s3.put(
            upload["url"], content=CONTENT, headers=upload["headers"] | {"Content-Type": "text/html"}
        )
        assert wrong_bytes.status_code == 400
        assert wrong_size.status_code == 403
        assert wrong_type.status_code == 403
        assert_problem(await api.post(f"items/{item}/complete"), "not-uploaded", 409)
        assert (await s3.put(upload["url"], content=CONTENT, headers=upload["headers"])).status_code == 200
    completed = await api.post(f"items/{item}/complete")
    assert completed.status_code == 202
    assert completed.json()["item"]["state"] == "queued"


async def test_parts_that_do_not_exist_are_refused(api: httpx.AsyncClient) -> None:
    big = BODY | {"size_bytes": 2 * SINGLE_PUT_BYTES, "digest": None}
    item = (await api.post("items", json=big)).json()["item"]["id"]
    part = {"sha256": "0" * 64}
    assert (await api.post(f"items/{item}/parts", json={"parts": [part | {"number": 2}]})).status_code == 200
    for number in (0, 3, 1001):
        response = await api.post(f"items/{item}/parts", json={"parts": [part | {"number": number}]})
        assert_problem(response, "invalid", 422)
    assert_problem(await api.post(f"items/{item}/parts", json={"parts": []}), "invalid", 422)
    many = {"parts": [part | {"number": 1}] * 101}
    assert_problem(await api.post(f"items/{item}/parts", json=many), "invalid", 422)
    missing = assert_problem(await api.post(f"items/{item}/complete"), "not-uploaded", 409)
    assert missing["missing"] == [1, 2]


async def test_a_small_item_has_no_parts(api: httpx.AsyncClient) -> None:
    item = (await api.post("items", json=BODY)).json()["item"]["id"]
    assert_problem(await api.get(f"items/{item}/parts"), "wrong-state", 409)
    body = {"parts": [{"number": 1, "sha256": "0" * 64}]}
    assert_problem(await api.post(f"items/{item}/parts", json=body), "wrong-state", 409)


async def test_an_outdated_edit_is_refused_and_changes_nothing(api: httpx.AsyncClient) -> None:
    item = (await api.post("items", json=BODY)).json()["item"]["id"]
    tag = (await api.get(f"items/{item}")).headers["ETag"]
    first = await api.patch(f"items/{item}", json={"caption": "one"}, headers={"If-Match": tag})
    assert first.json()["version"] == 2
    late = await api.patch(f"items/{item}", json={"caption": "two"}, headers={"If-Match": tag})
    assert assert_problem(late, "outdated", 412)["version"] == 2
    assert_problem(await api.delete(f"items/{item}", headers={"If-Match": '"1"'}), "outdated", 412)
    assert (await api.get(f"items/{item}")).json()["caption"] == "one"
    assert_problem(await api.patch(f"items/{item}", json={}), "invalid", 422)


async def test_an_item_is_sent_again_only_after_it_has_changed(api: httpx.AsyncClient) -> None:
    item = (await api.post("items", json=BODY)).json()["item"]["id"]
    tag = (await api.get(f"items/{item}")).headers["ETag"]
    assert (await api.get(f"items/{item}", headers={"If-None-Match": tag})).status_code == 304
    await api.post(f"items/{item}/cancel")
    changed = await api.get(f"items/{item}", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["state"]) == (200, "cancelled")


async def test_a_deleted_item_is_absent_everywhere_immediately(api: httpx.AsyncClient) -> None:
    item = (await api.post("items", json=BODY)).json()["item"]["id"]
    assert (await api.delete(f"items/{item}")).status_code == 204
    assert_problem(await api.get(f"items/{item}"), "not-found", 404)
    assert (await api.get("items")).json()["items"] == []
    events = (await api.get("events")).json()["events"]
    assert [event["type"] for event in events] == ["item.created", "item.deleted"]


async def test_without_a_session_every_route_returns_unauthenticated(api: httpx.AsyncClient) -> None:
    del api.headers["Authorization"]
    item = new_item_id()
    for method, path in (
        ("GET", "items"), ("POST", "items"), ("GET", f"items/{item}"), ("PATCH", f"items/{item}"),
        ("GET", "events"), ("GET", "admin/overview"), ("GET", "account"), ("GET", "sessions"),
    ):  # fmt: skip
        assert_problem(await api.request(method, path), "unauthenticated", 401)


async def test_an_overview_is_for_administrators_only(api: httpx.AsyncClient) -> None:
    other_account = await signed_in(api)
    assert_problem(await api.get("admin/overview", headers=other_account), "forbidden", 403)
