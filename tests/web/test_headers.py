"""Which headers reach the app and which reach the client."""

import re

import httpx
import pytest
from structlog.testing import capture_logs

from darkroom_client.connection import tls_context
from tests.web.log_entries import forwarded
from tests.web.servers import serving_web


async def headers_seen_by_app(web: httpx.AsyncClient, sent: dict[str, str], path: str = "/v1/echo") -> dict[str, str]:
    pairs = (await web.get(path, headers=sent)).json()["headers"]
    assert len(pairs) == len({name for name, _ in pairs}), "a header was doubled"
    return dict(pairs)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Real-Ip", "6.6.6.6"),
        ("X-Deadline", "999999"),
        ("X-Darkroom-Cookie", "stolen"),
        ("X-Darkroom-Anything", "1"),
        ("Proxy-Authorization", "Basic x"),
        ("Keep-Alive", "300"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
    ],
)
async def test_internal_and_hop_by_hop_headers_of_a_client_never_reach_the_app(
    web: httpx.AsyncClient, name: str, value: str
) -> None:
    assert value not in (await headers_seen_by_app(web, {name: value})).values()


async def test_a_client_cannot_set_forwarding_headers(app_url: str) -> None:
    with serving_web(app_url, trusted_proxies="") as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, verify=tls_context()) as client:
            seen = await headers_seen_by_app(client, {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"})
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")


async def test_a_header_named_in_connection_is_not_forwarded(web: httpx.AsyncClient) -> None:
    seen = await headers_seen_by_app(web, {"Connection": "keep-alive, X-Mine", "X-Mine": "1", "X-Other": "2"})
    assert "x-mine" not in seen
    assert seen["x-other"] == "2"


async def test_the_app_learns_scheme_address_and_cookie_name(web: httpx.AsyncClient, web_url: str) -> None:
    seen = await headers_seen_by_app(web, {})
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-darkroom-cookie"] == f"darkroom_{httpx.URL(web_url).port}"


async def test_a_share_links_token_and_proof_reach_the_app(web: httpx.AsyncClient) -> None:
    sent = {"Darkroom-Share": "drl_token", "Darkroom-Share-Proof": "dru_1.proof"}
    seen = await headers_seen_by_app(web, sent)
    assert (seen["darkroom-share"], seen["darkroom-share-proof"]) == ("drl_token", "dru_1.proof")
    assert "authorization" not in seen


async def test_a_well_formed_request_id_is_unchanged_on_both_sides(web: httpx.AsyncClient) -> None:
    response = await web.get("/v1/echo", headers={"X-Request-Id": "drop-off-0001"})
    assert response.headers.get_list("x-request-id") == ["drop-off-0001"]
    assert ["x-request-id", "drop-off-0001"] in response.json()["headers"]


@pytest.mark.parametrize("malformed", ["short", "with space in it", "x" * 65, "a\tb-c-d-e-f"])
async def test_a_malformed_request_id_is_replaced(web: httpx.AsyncClient, malformed: str) -> None:
    seen = await headers_seen_by_app(web, {"X-Request-Id": malformed})
    assert re.fullmatch("req_[0-9A-Z]{26}", seen["x-request-id"])


async def test_a_trace_continues_with_a_new_span(web: httpx.AsyncClient) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    sent = {"traceparent": f"00-{trace}-{span}-00", "tracestate": "vendor=1"}
    seen = await headers_seen_by_app(web, sent)
    _, same, other, flags = seen["traceparent"].split("-")
    assert (same, flags, seen["tracestate"]) == (trace, "00", "vendor=1")
    assert other != span


@pytest.mark.parametrize("malformed", ["00-" + "0" * 32 + "-00f067aa0ba902b7-01", "nonsense"])
async def test_a_malformed_trace_is_replaced(web: httpx.AsyncClient, malformed: str) -> None:
    seen = await headers_seen_by_app(web, {"traceparent": malformed, "tracestate": "vendor=1"})
    assert "tracestate" not in seen
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", seen["traceparent"])
    assert seen["traceparent"] != malformed


async def test_a_balancers_trace_reaches_the_app_and_the_log(web: httpx.AsyncClient) -> None:
    trace = "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678"
    with capture_logs() as entries:
        seen = await headers_seen_by_app(web, {"X-Amzn-Trace-Id": trace})
        entry = await forwarded(entries)
    assert (seen["x-amzn-trace-id"], entry["amazon_trace"]) == (trace, trace)


@pytest.mark.parametrize("malformed", ["Root=1-2;" + "x" * 600, "Root", "Root=<script>", "Root=1 2"])
async def test_a_malformed_trace_of_a_balancer_is_dropped(web: httpx.AsyncClient, malformed: str) -> None:
    assert "x-amzn-trace-id" not in await headers_seen_by_app(web, {"X-Amzn-Trace-Id": malformed})


async def test_a_plain_request_carries_its_deadline_to_the_app(web: httpx.AsyncClient) -> None:
    assert 0 < int((await headers_seen_by_app(web, {}))["x-deadline"]) <= 10_000


@pytest.mark.parametrize(
    ("accept", "path"), [("text/event-stream", "/v1/events"), ("application/json", "/v1/events?after=3&wait=25")]
)
async def test_streams_and_long_polls_have_no_deadline(web: httpx.AsyncClient, accept: str, path: str) -> None:
    assert "x-deadline" not in await headers_seen_by_app(web, {"Accept": accept}, path)


@pytest.mark.parametrize(
    ("accept", "path"), [("text/event-stream", "/v1/echo"), ("application/json", "/v1/echo?after=3&wait=25")]
)
async def test_only_event_paths_have_no_deadline(web: httpx.AsyncClient, accept: str, path: str) -> None:
    assert "x-deadline" in await headers_seen_by_app(web, {"Accept": accept}, path)


async def test_hop_by_hop_headers_of_the_app_do_not_reach_the_client(web: httpx.AsyncClient) -> None:
    response = await web.get("/v1/hop")
    assert "x-secret-hop" not in response.headers
    assert response.headers.get_list("date") != ["never"]
    assert len(response.headers.get_list("date")) == 1
