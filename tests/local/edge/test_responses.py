"""The response to a permitted request: bytes, ranges, conditions, and the headers of every response."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.local.edge.place import BODIES, CACHING, SMALL, Edge
from tests.local.edge.signing import OURS
from tests.servers import Server

BODY = BODIES[SMALL]


@pytest.fixture
def url(edge: Edge) -> str:
    return OURS.open(edge.url(SMALL))


def test_an_object_is_sent_with_its_stored_metadata(edge: Edge, url: str) -> None:
    response = edge.request(url)
    assert (response.status, response.body) == (200, BODY)
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["cache-control"] == CACHING
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-length"] == str(len(BODY))
    assert response.headers["etag"].startswith('"')
    assert parsedate_to_datetime(response.headers["last-modified"]) <= datetime.now(UTC)


def test_s3s_own_headers_are_removed(edge: Edge, url: str) -> None:
    names = set(edge.request(url).headers)
    assert not [name for name in names if name.startswith("x-amz-") and not name.startswith("x-amz-cf-")]
    assert "set-cookie" not in names


def test_responses_have_cloudfronts_headers(edge: Edge, url: str) -> None:
    responses = [edge.request(url), edge.request(edge.url(SMALL))]
    assert [response.headers["x-cache"] for response in responses] == ["Miss from cloudfront", "Error from cloudfront"]
    assert all(response.headers["via"].endswith(".cloudfront.net (CloudFront)") for response in responses)
    assert len({response.headers["x-amz-cf-id"] for response in responses}) == 2


def test_an_error_has_cloudfronts_form_and_is_never_cached(edge: Edge) -> None:
    headers = edge.request(edge.url(SMALL)).headers
    assert (headers["server"], headers["cache-control"]) == ("CloudFront", "no-store")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", ["signed", "/healthz", "/none", "/%2e%2e"])
def test_every_response_carries_the_same_protections(edge: Edge, url: str, method: str, path: str) -> None:
    headers = edge.request(url if path == "signed" else edge.base_url + path, method).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers


def test_head_returns_the_headers_of_get_without_a_body(edge: Edge, url: str) -> None:
    response = edge.request(url, "HEAD")
    assert (response.status, response.body, response.headers["content-length"]) == (200, b"", str(len(BODY)))


@pytest.mark.parametrize(
    ("requested", "expected"),
    [("bytes=0-3", BODY[:4]), ("bytes=4-", BODY[4:]), ("bytes=-5", BODY[-5:]), ("bytes=0-9999", BODY)],
)
def test_a_range_request_returns_that_range(edge: Edge, url: str, requested: str, expected: bytes) -> None:
    response = edge.request(url, Range=requested)
    assert (response.status, response.body) == (206, expected)
    start = BODY.index(expected)
    assert response.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(BODY)}"


def test_a_range_after_the_end_is_refused_with_the_actual_size(edge: Edge, url: str) -> None:
    response = edge.request(url, Range="bytes=9999-")
    assert (response.status, response.code) == (416, "InvalidRange")
    assert response.headers["content-range"] == f"bytes */{len(BODY)}"


@pytest.mark.parametrize("requested", ["bytes=", "bytes=9-1", "lines=1-2", "bytes=0-1,4-5", "bytes=0-é"])
def test_a_malformed_range_returns_the_whole_object(edge: Edge, url: str, requested: str) -> None:
    response = edge.request(url, Range=requested)
    assert (response.status, response.body) == (200, BODY)


def test_a_range_of_another_version_returns_the_whole_object(edge: Edge, url: str) -> None:
    etag = edge.request(url, "HEAD").headers["etag"]
    assert edge.request(url, Range="bytes=0-3", If_Range=etag).status == 206
    assert edge.request(url, Range="bytes=0-3", If_Range='"another"').body == BODY


def test_an_unchanged_object_is_not_sent_again(edge: Edge, url: str) -> None:
    known = edge.request(url, "HEAD").headers
    for condition in ({"If_None_Match": known["etag"]}, {"If_Modified_Since": known["last-modified"]}):
        response = edge.request(url, **condition)
        assert (response.status, response.body, response.headers["etag"]) == (304, b"", known["etag"])
        assert response.headers["cache-control"] == CACHING
        assert "content-length" not in response.headers
    assert edge.request(url, If_None_Match='"another"').status == 200
    assert edge.request(url, If_Match='"another"').code == "PreconditionFailed"


def test_a_page_of_another_origin_may_request_ranges(edge: Edge, url: str) -> None:
    response = edge.request(url, "OPTIONS", Origin="http://page.example", Access_Control_Request_Method="GET",
                      Access_Control_Request_Headers="range, if-none-match")  # fmt: skip
    assert (response.status, response.body) == (200, b"")
    assert response.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert response.headers["access-control-allow-headers"] == "*"


def test_a_preflight_needs_the_signature_too(edge: Edge) -> None:
    assert edge.request(edge.url(SMALL), "OPTIONS", Origin="http://page.example").code == "MissingKey"


def test_a_cookie_changes_nothing(edge: Edge, url: str) -> None:
    assert edge.request(url, Cookie="CloudFront-Key-Pair-Id=KSTRANGER; session=1").body == BODY
    assert edge.request(edge.url(SMALL), Cookie="CloudFront-Key-Pair-Id=KELLIPTIC").code == "MissingKey"


def test_a_get_with_a_body_is_refused(edge: Edge, url: str) -> None:
    assert edge.request(url, Content_Length="0").status == 200
    assert edge.request(url, Transfer_Encoding="chunked").code == "BodyNotAllowed"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_credentials(edge: Edge, path: str) -> None:
    assert edge.request(edge.base_url + path).status == 200


def test_the_log_contains_no_part_of_a_signed_url(edge_server: tuple[Edge, Server]) -> None:
    edge, server = edge_server
    signed = OURS.open(edge.url(SMALL))
    for url in (signed, signed + "x", signed.replace("webp", "jpeg"), signed.replace("/anna/", "/../")):
        edge.request(url)
    logged = "".join(server._lines)
    assert "Signature" not in logged
    assert signed.partition("Policy=")[2][:40] not in logged
    assert SMALL not in logged
    assert "127.0.0.1" not in logged
    assert json.loads(logged.splitlines()[0])["event"] == "server.ready"


def error_of(*environment: str) -> tuple[int, list[str]]:
    done = subprocess.run(  # noqa: S603 - our own command
        ["/usr/bin/env", "-i", *environment, sys.executable, "-m", "local.edge"],
        capture_output=True, text=True, check=False, timeout=30, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    return done.returncode, done.stderr.splitlines()


def test_a_start_without_settings_names_each_that_is_missing() -> None:
    code, lines = error_of("DARKROOM_CDN_URL=ftp://127.0.0.1/path")
    assert code == 2
    assert {line.partition(" ")[0] for line in lines} == {
        "DARKROOM_EDGE_KEYS_FOLDER", "DARKROOM_EDGE_ORIGIN", "DARKROOM_BUCKET", "DARKROOM_CDN_URL",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
    }  # fmt: skip


@pytest.mark.parametrize("file", [None, "K.pem"])
def test_a_start_without_good_keys_is_refused_in_one_line(tmp_path: Path, file: str | None) -> None:
    if file:
        (tmp_path / file).write_text("no key")
    code, lines = error_of(
        f"DARKROOM_EDGE_KEYS_FOLDER={tmp_path}", "DARKROOM_EDGE_ORIGIN=http://127.0.0.1:1", "DARKROOM_BUCKET=darkroom",
        "DARKROOM_CDN_URL=http://127.0.0.1:2", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
    )  # fmt: skip
    assert (code, len(lines)) == (3, 1)
