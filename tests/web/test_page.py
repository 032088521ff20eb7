"""The page's files, and the security headers of every response."""

import re

import httpx
import pytest

from tests.web.servers import CDN_URL, OBJECTS_URL
from web.page import FOLDER, Page

EXPECTED = {
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("POST", "/"),
        ("GET", "/healthz"),
        ("POST", "/healthz"),
        ("GET", "/v1/echo"),
        ("GET", "/v1/loose"),
        ("GET", "/v1/../echo"),
        ("TRACE", "/v1/echo"),
        ("GET", "/static/0000000000000000/app.js"),
    ],
)
async def test_every_response_carries_the_security_headers_once(web: httpx.AsyncClient, method: str, path: str) -> None:
    response = await web.request(method, path)
    for name, value in EXPECTED.items():
        assert response.headers.get_list(name) == [value]
    assert len(response.headers.get_list("content-security-policy")) == 1
    assert len(response.headers.get_list("permissions-policy")) == 1
    assert "strict-transport-security" not in response.headers


async def test_over_https_responses_carry_hsts(web: httpx.AsyncClient) -> None:
    response = await web.get("/nowhere", headers={"X-Forwarded-Proto": "https", "Host": "photos.example.com:8443"})
    assert response.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("host", ["localhost", "photos.localhost:8443", "127.0.0.1:8080", "[::1]:8080", "LocalHost"])
async def test_a_name_of_the_browsers_own_machine_gets_no_hsts(web: httpx.AsyncClient, host: str) -> None:
    """It would close all local servers that speak http."""
    response = await web.get("/nowhere", headers={"X-Forwarded-Proto": "https", "Host": host})
    assert "strict-transport-security" not in response.headers


async def test_the_policy_allows_our_files_the_cdn_and_the_object_store_only(web: httpx.AsyncClient) -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in (await web.get("/")).headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["img-src"] == f"'self' blob: data: {CDN_URL}"
    assert policy["connect-src"] == f"'self' {OBJECTS_URL} {CDN_URL}"
    assert policy["media-src"] == f"'self' blob: {CDN_URL}"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert not any("unsafe" in value for value in policy.values())


@pytest.mark.parametrize("path", ["/", "/sessions", "/deleted", "/items/itm_01ARZ3NDEKTSV4RRFFQ69G5FAV"])
async def test_every_path_of_the_page_returns_the_page(web: httpx.AsyncClient, path: str) -> None:
    response = await web.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"


async def test_a_share_link_has_a_page_of_its_own(web: httpx.AsyncClient) -> None:
    response = await web.get("/s")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")
    for path in re.findall(r'"(/static/[0-9a-f]{16}/[^"]+)"', response.text):
        assert (await web.get(path)).status_code == 200, path
    assert (await web.get("/s/drl_token")).status_code == 404  # a token must not be part of a path


async def test_an_unknown_path_returns_the_pages_own_404(web: httpx.AsyncClient) -> None:
    response = await web.get("/items/nonsense")
    assert (response.status_code, response.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_an_unchanged_page_returns_304(web: httpx.AsyncClient) -> None:
    etag = (await web.get("/")).headers["etag"]
    response = await web.get("/", headers={"If-None-Match": f'"other", {etag}'})
    assert (response.status_code, response.content) == (304, b"")


async def test_static_files_with_their_version_are_cached_forever(web: httpx.AsyncClient) -> None:
    document = (await web.get("/")).text
    paths = re.findall(r'"(/static/[0-9a-f]{16}/[^"]+)"', document)
    assert paths
    for path in paths:
        response = await web.get(path)
        assert response.status_code == 200, path
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_file_under_another_version_is_not_cached(web: httpx.AsyncClient) -> None:
    response = await web.get("/static/0000000000000000/app.js")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize("name", ["../main.py", "nothing.js", "index.html", "%2e%2e/main.py"])
async def test_an_unknown_static_file_is_not_found(web: httpx.AsyncClient, name: str) -> None:
    document = (await web.get("/")).text
    version = re.search("/static/([0-9a-f]{16})/", document)
    assert version
    assert (await web.get(f"/static/{version[1]}/{name}")).status_code == 404


async def test_files_are_compressed_if_the_client_accepts_it(web: httpx.AsyncClient) -> None:
    plain = await web.get("/", headers={"Accept-Encoding": "identity"})
    compressed = await web.get("/", headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.text == plain.text


def test_the_version_changes_with_any_file(tmp_path: pytest.TempPathFactory) -> None:
    folder = FOLDER.__class__(str(tmp_path))
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "app.js").write_text("1")
    before = Page(folder).version
    (folder / "app.js").write_text("2")
    assert Page(folder).version != before
