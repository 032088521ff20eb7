"""Every invalid request gets a typed problem that repeats nothing of the request."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.accounts.accounts_api import PASSWORD, AccountsApi, open_accounts_api

JSON = {"Content-Type": "application/json"}
GOOD = {"email": "ada@example.com", "password": PASSWORD}


@pytest_asyncio.fixture(scope="module")
async def anonymous(make_sqlite: Callable[[], str], valkey_url: str) -> AsyncIterator[AccountsApi]:
    """One process for all tests: a refused request changes nothing."""
    async with open_accounts_api(make_sqlite(), valkey_url) as opened:
        yield opened


@pytest.mark.parametrize("route", ["/accounts", "/sessions"])
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422), (b"{", 400), (b"\xff\xfe", 400), (b"null", 422), (b"[]", 422), (b'"text"', 422), (b"7", 422),
        (b"{}", 422), (b"[" * 100_000, 400), (b'{"email": NaN}', 422), (b"x" * 1_100_000, 413),
    ],
)  # fmt: skip
async def test_a_body_that_is_not_the_expected_json_is_a_problem(
    anonymous: AccountsApi, route: str, content: bytes, status: int
) -> None:
    response = await anonymous.http.post(route, content=content, headers=JSON)

    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    assert response.json()["status"] == status


@pytest.mark.parametrize("route", ["/accounts", "/sessions"])
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"surprise": "canary-1"}, "surprise"),
        ({"email": "canary-2"}, "email"),
        ({"email": "canary-3@"}, "email"),
        ({"email": "canary-4@-example.com"}, "email"),
        ({"email": ["canary-5"]}, "email"),
        ({"email": "a" * 400 + "@example.com"}, "email"),
        ({"password": {"canary": 6}}, "password"),
        ({"password": 1234567890}, "password"),
        ({"password": "canary-7" * 100}, "password"),
    ],
)
async def test_a_wrong_field_is_named_and_its_value_not_repeated(
    anonymous: AccountsApi, route: str, change: dict[str, Any], field: str
) -> None:
    response = await anonymous.http.post(route, json=GOOD | change)

    assert (response.status_code, response.headers["Content-Type"]) == (422, "application/problem+json")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert "canary" not in response.text.replace("surprise", "")


@pytest.mark.parametrize("label", ["x" * 201, 7, None, "\\ud800"])
async def test_a_label_that_cannot_be_stored_is_refused(anonymous: AccountsApi, label: object) -> None:
    text = f'"{label}"' if isinstance(label, str) else "null" if label is None else str(label)
    content = f'{{"email": "a@example.com", "password": "x", "label": {text}}}'

    response = await anonymous.http.post("/sessions", content=content, headers=JSON)

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["label"]


async def test_ids_of_another_type_are_refused(accounts_api: AccountsApi) -> None:
    headers = (await accounts_api.register_and_sign_in())["headers"]
    for session in ("itm_01M85JFWR8BPF33108WQ2WBFK6", "ses_", "ses_" + "I" * 26, "0", "%00", "ses_" + "0" * 5000):
        response = await accounts_api.http.delete(f"/sessions/{session}", headers=headers)
        assert (response.status_code, response.headers["Content-Type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "route", "status"),
    [
        ("PUT", "/accounts", 405),
        ("GET", "/accounts", 405),
        ("POST", "/sessions/current", 405),
        ("PATCH", "/sessions", 405),
        ("GET", "/nothing", 404),
        ("GET", "/sessions/", 404),
    ],
)
async def test_a_wrong_method_or_path_is_a_problem(
    anonymous: AccountsApi, method: str, route: str, status: int
) -> None:
    response = await anonymous.http.request(method, route)

    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    assert response.json()["status"] == status
