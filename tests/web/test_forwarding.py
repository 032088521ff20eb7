"""What the web tier forwards to the app and back to the client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from structlog.testing import capture_logs

from darkroom_client.connection import tls_context
from darkroom_process.logged_path import MAX_CHARACTERS
from darkroom_process.readiness import Readiness
from tests.servers import free_port
from tests.web.log_entries import forwarded
from tests.web.servers import serving_web
from web.request_body import MAX_BODY_BYTES

MEDIA_TYPE = "application/problem+json"


async def test_method_target_and_body_arrive_as_they_were_sent(web: httpx.AsyncClient) -> None:
    response = await web.request("PATCH", "/v1/echo/a%2Fb%20c?x=1&y=%C3%A4&z", content=b'{"caption": "dusk"}')
    seen = response.json()
    assert (seen["method"], seen["target"], seen["body"]) == (
        "PATCH",
        "/v1/echo/a%2Fb%20c?x=1&y=%C3%A4&z",
        '{"caption": "dusk"}',
    )


async def test_response_headers_are_forwarded_with_every_cookie(web: httpx.AsyncClient) -> None:
    response = await web.get("/v1/cookies")
    assert response.headers.get_list("set-cookie") == ["one=1; HttpOnly", "two=2"]


async def test_an_event_arrives_before_the_stream_ends(
    web: httpx.AsyncClient, app: httpx.AsyncClient, flag: str
) -> None:
    async with web.stream("GET", f"/v1/events?stream={flag}", headers={"Accept": "text/event-stream"}) as response:
        pieces = response.aiter_bytes()
        assert await anext(pieces) == b"id: 1\ndata: first\n\n"
        await app.get(f"/v1/raise/{flag}")
        assert await anext(pieces) == b"id: 2\ndata: second\n\n"


async def test_a_body_reaches_the_app_piece_by_piece(web: httpx.AsyncClient, app: httpx.AsyncClient, flag: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        await app.get(f"/v1/flag/{flag}")  # returns once the app has received the first piece
        yield b"y" * 500

    response = await web.post(f"/v1/collect/{flag}", content=pieces())
    assert sum(response.json()["sizes"]) == 1500


@pytest.mark.parametrize(
    ("accept", "path"), [("*/*", "/v1/hang/{flag}"), ("text/event-stream", "/v1/events?hang={flag}")]
)
async def test_a_client_disconnect_cancels_the_request_in_the_app(
    web_url: str, app: httpx.AsyncClient, flag: str, accept: str, path: str
) -> None:
    async with httpx.AsyncClient(base_url=web_url, trust_env=False, timeout=60, verify=tls_context()) as client:
        send_request = asyncio.create_task(client.get(path.format(flag=flag), headers={"Accept": accept}))
        await app.get(f"/v1/flag/{flag}-begun")
        send_request.cancel()
        await asyncio.gather(send_request, return_exceptions=True)
    assert (await app.get(f"/v1/flag/{flag}-gone")).status_code == 200


async def test_a_body_declared_too_large_is_refused(web: httpx.AsyncClient) -> None:
    response = await web.post("/v1/echo", content=b"x" * (MAX_BODY_BYTES + 1))
    assert (response.status_code, response.headers["content-type"]) == (413, MEDIA_TYPE)
    assert response.json()["type"] == "urn:darkroom:problem:too-large"


async def test_a_streamed_body_over_the_limit_is_refused(web: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"x" * 65_536

    response = await web.post("/v1/echo", content=pieces())
    assert response.status_code == 413


async def test_the_largest_allowed_body_passes(web: httpx.AsyncClient) -> None:
    response = await web.post("/v1/collect/largest", content=b"x" * MAX_BODY_BYTES)
    assert sum(response.json()["sizes"]) == MAX_BODY_BYTES


@pytest.mark.parametrize("path", ["/v1/../metrics", "/v1/%2e%2e/metrics", "/v1/./echo"])
async def test_no_path_escapes_v1(web_url: str, path: str) -> None:
    status, _ = await _raw(web_url, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert status == 404


async def test_a_log_entry_has_the_beginning_of_a_long_path(web: httpx.AsyncClient) -> None:
    with capture_logs() as entries:
        await web.get("/v1/(password" + "-" * 60_000)
        entry = await forwarded(entries)
    assert len(entry["path"]) == MAX_CHARACTERS + 1


async def test_an_unknown_method_is_refused(web: httpx.AsyncClient) -> None:
    response = await web.request("TRACE", "/v1/echo")
    assert (response.status_code, response.headers["content-type"]) == (405, MEDIA_TYPE)


async def test_an_unreachable_app_gives_a_problem_with_retry_after() -> None:
    with serving_web(f"http://127.0.0.1:{free_port()}") as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, verify=tls_context()) as client:
            response = await client.get("/v1/items")
            assert (await client.get("/healthz")).status_code == 200
    assert (response.status_code, response.headers["content-type"]) == (503, MEDIA_TYPE)
    assert int(response.headers["retry-after"]) >= 1


async def test_a_request_over_the_concurrency_limit_is_refused_immediately(
    app_url: str, app: httpx.AsyncClient, flag: str
) -> None:
    with serving_web(app_url, request_limit=1, stream_limit=1) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, verify=tls_context()) as client:
            send_request = asyncio.create_task(client.get(f"/v1/hang/{flag}"))
            await app.get(f"/v1/flag/{flag}-begun")
            refused = await client.get("/v1/echo")
            async with client.stream(
                "GET", f"/v1/events?stream={flag}", headers={"Accept": "text/event-stream"}
            ) as stream:
                assert stream.status_code == 200
                crowded = await client.get("/v1/events", headers={"Accept": "text/event-stream"})
            await app.get(f"/v1/raise/{flag}")
            send_request.cancel()
            await asyncio.gather(send_request, return_exceptions=True)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert crowded.status_code == 503


@pytest.mark.parametrize(
    ("method", "body", "attempts", "status"),
    [("GET", b"", 2, 200), ("DELETE", b"", 2, 200), ("POST", b"", 1, 503), ("PUT", b"x", 1, 503)],
)
async def test_only_safe_requests_are_retried(method: str, body: bytes, attempts: int, status: int) -> None:
    async with _dropping_first_connection() as (app_url, connections):
        with serving_web(app_url) as url:
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, verify=tls_context()) as client:
                response = await client.request(method, "/v1/items", content=body)
    assert (len(connections), response.status_code) == (attempts, status)


async def test_a_truncated_response_is_not_complete() -> None:
    async def respond_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()
        await writer.wait_closed()

    async with _tcp_server(respond_half) as app_url:
        with serving_web(app_url) as url:
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, verify=tls_context()) as client:
                with pytest.raises(httpx.RemoteProtocolError):
                    await client.get("/v1/items")


async def test_stopping_turns_readiness_off_and_ends_streams(app_url: str, flag: str) -> None:
    readiness = Readiness()
    with serving_web(app_url, readiness) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, verify=tls_context()) as client:
            assert (await client.get("/readyz")).status_code == 200
            readiness.stop()
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/v1/echo")).status_code == 200
            ended = await client.get(f"/v1/events?stream={flag}", headers={"Accept": "text/event-stream"})
            assert ended.status_code == 503
    async with httpx.AsyncClient(base_url=app_url, trust_env=False, timeout=60, verify=tls_context()) as app:
        await app.get(f"/v1/raise/{flag}")


async def _raw(url: str, request: bytes) -> tuple[int, bytes]:
    host, port = httpx.URL(url).host, httpx.URL(url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    response = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    await writer.wait_closed()
    return int(response.split(b" ")[1]), response


@asynccontextmanager
async def _tcp_server(handle: object) -> AsyncIterator[str]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)  # type: ignore[arg-type]  # a coroutine of two streams
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def _dropping_first_connection() -> AsyncIterator[tuple[str, list[int]]]:
    """An app that drops the connection of its first request and responds to later requests."""
    connections: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        connections.append(1)
        if len(connections) > 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()
        await writer.wait_closed()

    async with _tcp_server(handle) as url:
        yield url, connections
