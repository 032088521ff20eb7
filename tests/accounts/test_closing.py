"""Closing an account over HTTP: it needs the password, happens once and takes effect immediately."""

import httpx
import pytest

from tests.api import PASSWORD, signed_in


@pytest.fixture
def api(anonymous_api: httpx.AsyncClient) -> httpx.AsyncClient:
    return anonymous_api


async def close(api: httpx.AsyncClient, headers: dict[str, str], password: str) -> httpx.Response:
    return await api.request("DELETE", "account", json={"password": password}, headers=headers)


async def test_without_the_password_no_account_is_closed(api: httpx.AsyncClient) -> None:
    headers = await signed_in(api)
    assert (await close(api, headers, "not the password")).status_code == 403
    assert (await api.request("DELETE", "account", headers=headers)).status_code == 422
    assert (await close(api, {}, PASSWORD)).status_code == 401
    assert (await api.get("account", headers=headers)).status_code == 200


async def test_a_closed_account_is_signed_out_on_every_device(api: httpx.AsyncClient) -> None:
    headers = await signed_in(api)
    account = (await api.get("account", headers=headers)).json()
    sign_in = {"email": account["email"], "password": PASSWORD}
    phone = await api.post("sessions", json=sign_in)
    assert phone.status_code == 201

    response = await close(api, headers, PASSWORD)

    assert (response.status_code, response.json()["id"]) == (202, account["id"])
    assert "Max-Age=0" in response.headers["Set-Cookie"]
    for each in (headers, {"Authorization": f"Bearer {phone.json()['token']}"}):
        assert (await api.get("account", headers=each)).status_code == 401
        assert (await api.get("items", headers=each)).status_code == 401
    assert (await api.post("sessions", json=sign_in)).status_code == 401
