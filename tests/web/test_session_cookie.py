"""The web tier turns the session cookie into a bearer token, and accepts the cookie from our own page only."""

import httpx
import pytest

from web.session_cookie import cookie_name

HTTPS = {"X-Forwarded-Proto": "https", "Host": "photos.example"}
HOST_COOKIE = {"Cookie": "theme=dark; __Host-darkroom=token-1"}
BEARER = {"Authorization": "Bearer mine"}


@pytest.mark.parametrize(
    ("scheme", "host", "name"),
    [
        ("https", "photos.example", "__Host-darkroom"),
        ("https", "127.0.0.1:8080", "__Host-darkroom"),
        ("http", "127.0.0.1:8080", "darkroom_8080"),
        ("http", "127.3.2.1:9000", "darkroom_9000"),
        ("http", "LOCALHOST:8080", "darkroom_8080"),
        ("http", "photos.localhost:8080", "darkroom_8080"),
        ("http", "[::1]:8080", "darkroom_8080"),
        ("http", "localhost", "darkroom_80"),
        ("http", "192.168.1.5:8080", "__Host-darkroom"),
        ("http", "127.0.0.1.evil.example:8080", "__Host-darkroom"),
        ("http", "localhost@evil.example", "__Host-darkroom"),
        ("http", "", "__Host-darkroom"),
    ],
)
def test_only_plain_http_to_loopback_has_the_cookie_without_secure(scheme: str, host: str, name: str) -> None:
    assert cookie_name(scheme, host) == name


async def credentials_seen(web: httpx.AsyncClient, method: str, headers: dict[str, str]) -> tuple[int, list[str]]:
    """Return the status and every credential that reached the app."""
    response = await web.request(method, "/v1/echo", headers=headers)
    if response.status_code != 200:
        assert response.json()["type"] == "urn:darkroom:problem:cross-site"
        return response.status_code, []
    return 200, [value for name, value in response.json()["headers"] if name in {"authorization", "cookie"}]


async def test_the_cookie_becomes_a_bearer_token_and_is_not_forwarded(web: httpx.AsyncClient) -> None:
    assert await credentials_seen(web, "GET", HTTPS | HOST_COOKIE) == (200, ["Bearer token-1"])


async def test_on_loopback_only_the_cookie_of_this_port_counts(web: httpx.AsyncClient, web_url: str) -> None:
    port = httpx.URL(web_url).port
    cookies = {"Cookie": f"darkroom_1=other; darkroom_{port}=mine; __Host-darkroom=wrong"}
    assert await credentials_seen(web, "GET", cookies) == (200, ["Bearer mine"])


async def test_an_authorization_header_replaces_the_cookie(web: httpx.AsyncClient) -> None:
    assert await credentials_seen(web, "POST", HTTPS | HOST_COOKIE | BEARER) == (200, ["Bearer mine"])


@pytest.mark.parametrize("value", ["a b", 'a"b', "ä", "x" * 513, ""])
async def test_a_malformed_cookie_is_ignored(web: httpx.AsyncClient, value: str) -> None:
    raw = {**HTTPS, "Cookie": f"__Host-darkroom={value}".encode().decode("latin-1")}
    headers = [(name.encode(), text.encode("latin-1")) for name, text in raw.items()]
    response = await web.get("/v1/echo", headers=headers)
    assert not [name for name, _ in response.json()["headers"] if name in {"authorization", "cookie"}]


SAME_ORIGIN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Origin": "https://photos.example"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://photos.example"},
]
ELSEWHERE: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://photos.example"},
    {"Origin": "https://photos.example:444"},
    {"Origin": "https://photos.example.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("source", SAME_ORIGIN)
async def test_our_own_page_may_send_changes_with_the_cookie(
    web: httpx.AsyncClient, method: str, source: dict[str, str]
) -> None:
    assert await credentials_seen(web, method, HTTPS | HOST_COOKIE | source) == (200, ["Bearer token-1"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("source", ELSEWHERE)
async def test_another_site_may_not_send_changes_with_the_cookie(
    web: httpx.AsyncClient, method: str, source: dict[str, str]
) -> None:
    assert await credentials_seen(web, method, HTTPS | HOST_COOKIE | source) == (403, [])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("source", ELSEWHERE)
async def test_reading_with_the_cookie_needs_no_proof_of_origin(
    web: httpx.AsyncClient, method: str, source: dict[str, str]
) -> None:
    assert (await web.request(method, "/v1/echo", headers=HTTPS | HOST_COOKIE | source)).status_code == 200


@pytest.mark.parametrize("source", ELSEWHERE)
@pytest.mark.parametrize("credentials", [BEARER, {}, HOST_COOKIE | BEARER, {"Cookie": "theme=dark"}])
async def test_a_bearer_token_or_no_credential_needs_no_proof_of_origin(
    web: httpx.AsyncClient, source: dict[str, str], credentials: dict[str, str]
) -> None:
    status, _ = await credentials_seen(web, "POST", HTTPS | credentials | source)
    assert status == 200


async def test_an_origin_with_the_default_port_is_the_same_origin(web: httpx.AsyncClient) -> None:
    headers = HTTPS | HOST_COOKIE | {"Host": "photos.example:443", "Origin": "https://photos.example"}
    assert await credentials_seen(web, "POST", headers) == (200, ["Bearer token-1"])
