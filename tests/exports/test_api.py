"""Exports over HTTP: start, list and poll; other accounts' exports look absent."""

import httpx
import pytest

from darkroom_shared.exports import Export
from darkroom_shared.ids import new_export_id
from tests.api import signed_in


@pytest.fixture
def api(anonymous_api: httpx.AsyncClient) -> httpx.AsyncClient:
    return anonymous_api


async def test_an_export_is_accepted_and_can_be_polled(api: httpx.AsyncClient) -> None:
    ada = await signed_in(api)
    accepted = await api.post("account/exports", headers=ada)
    assert (accepted.status_code, accepted.json()["state"], accepted.json()["url"]) == (202, "queued", None)
    assert int(accepted.headers["Retry-After"]) > 0
    polled = await api.get(f"http://app{accepted.headers['Location']}", headers=ada)
    assert Export.model_validate(polled.json()).id == accepted.json()["id"]
    again = await api.post("account/exports", headers=ada)
    assert again.json()["id"] == accepted.json()["id"]
    listed = await api.get("account/exports", headers=ada)
    assert [each["id"] for each in listed.json()["exports"]] == [accepted.json()["id"]]


async def test_an_export_is_invisible_to_other_accounts(api: httpx.AsyncClient) -> None:
    ada, bert = await signed_in(api), await signed_in(api)
    export = (await api.post("account/exports", headers=ada)).json()["id"]
    another = await api.get(f"account/exports/{export}", headers=bert)
    absent = await api.get(f"account/exports/{new_export_id()}", headers=bert)
    assert (another.status_code, another.json()) == (404, absent.json())
    assert (await api.get(f"account/exports/{export}")).status_code == 401
    assert (await api.get("account/exports/nonsense", headers=ada)).status_code == 422
