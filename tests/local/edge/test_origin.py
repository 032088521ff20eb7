"""How the edge reads from its origin: streaming, with limits, and only while the client is connected."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from darkroom_shared.times import utc_now
from local.edge.access import AccessCheck
from local.edge.application import EdgeApplication
from local.edge.key_group import KeyGroup
from local.edge.origin import Origin, origin_session
from local.edge.origin_signature import Credential
from tests.local.edge.place import ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, SMALL, Edge
from tests.local.edge.scripted_origin import Script, head, playing, responding
from tests.local.edge.signing import ELLIPTIC, OURS
from tests.servers import Server, edge_command, free_port, running

LIMIT_SECONDS = 60
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def origin_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def isolated(edge_keys: Path, origin_port: int) -> Iterator[tuple[Edge, Server]]:
    """An edge whose origin listens only while a test runs a script for it."""
    base_url = f"http://127.0.0.1:{free_port()}"
    origin = f"http://127.0.0.1:{origin_port}"
    command = edge_command(base_url, edge_keys, origin, BUCKET, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    with running(command, "server.ready") as server:
        yield Edge(base_url), server


@pytest.fixture
def url(isolated: tuple[Edge, Server]) -> str:
    return OURS.open(isolated[0].url(SMALL))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_SECONDS) as created:
        yield created


async def test_an_origin_that_is_down_is_a_bad_gateway_until_it_is_back(
    client: httpx.AsyncClient, url: str, origin_port: int
) -> None:
    response = await client.get(url)
    assert (response.status_code, "<Code>BadGateway</Code>" in response.text) == (502, True)
    async with playing(origin_port, responding(head(200, 2) + b"ok")):
        assert (await client.get(url)).text == "ok"
    assert (await client.get(url)).status_code == 502


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (head(403, 0), 403),
        (head(404, 0), 403),
        (head(500, 0), 502),
        (head(503, 0), 503),
        (head(307, 0, "Location: http://127.0.0.1:1/elsewhere"), 502),
        (head(400, 6) + b"secret", 502),
        (b"not http at all\r\n\r\n", 502),
    ],
)
async def test_an_origins_error_is_never_forwarded_unchanged(
    client: httpx.AsyncClient, url: str, origin_port: int, body: bytes, status: int
) -> None:
    async def script(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(body)
        await writer.drain()
        writer.close()

    async with playing(origin_port, script):
        response = await client.get(url)
    assert response.status_code == status
    assert response.headers["x-cache"] == "Error from cloudfront"
    assert "secret" not in response.text


async def test_a_silent_origin_times_out() -> None:
    async def silent(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with in_process(silent, read_seconds=0.1) as client:
        response = await client.get(OURS.open(f"http://edge/{SMALL}"))
    assert (response.status_code, "<Code>GatewayTimeout</Code>" in response.text) == (504, True)


async def test_a_truncated_response_is_not_reported_as_complete(
    client: httpx.AsyncClient, url: str, origin_port: int
) -> None:
    async def breaking_off(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, 1000) + b"half")
        await writer.drain()
        writer.close()

    async with playing(origin_port, breaking_off):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(url)


async def test_the_origin_gets_no_viewer_credentials_and_connections_are_reused(
    client: httpx.AsyncClient, url: str, origin_port: int
) -> None:
    heads: list[str] = []
    connections: set[Any] = set()

    async def noting(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(request.decode().lower())
        connections.add(writer)
        await responding(head(200, 2) + b"ok")(request, reader, writer)

    mine = {"Cookie": "session=1", "Authorization": "Bearer own", "X-Amz-Meta": "1", "Range": "bytes=0-1"}
    async with playing(origin_port, noting):
        for _ in range(3):
            assert (await client.get(url, headers=mine)).text == "ok"
    lines = heads[-1].split("\r\n")
    assert lines[0] == f"get /{BUCKET}/{SMALL} http/1.1"
    assert {line.partition(":")[0] for line in lines[1:] if line} == {
        "authorization", "host", "range", "x-amz-content-sha256", "x-amz-date",
    }  # fmt: skip
    assert "bearer" not in heads[-1]
    assert len(connections) == 1


async def test_a_client_that_disconnects_cancels_the_origin_request(
    client: httpx.AsyncClient, url: str, origin_port: int
) -> None:
    requested, left = asyncio.Event(), asyncio.Event()

    async def thinking(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requested.set()
        await reader.read()
        left.set()

    async with playing(origin_port, thinking), asyncio.timeout(LIMIT_SECONDS):
        viewer = asyncio.create_task(client.get(url))
        await requested.wait()
        viewer.cancel()
        await left.wait()
        await asyncio.gather(viewer, return_exceptions=True)


async def test_a_viewer_that_does_not_read_applies_backpressure_until_it_disconnects(
    isolated: tuple[Edge, Server], url: str, origin_port: int
) -> None:
    size, written = 512 * MEBIBYTE, 0
    stalled, left = asyncio.Event(), asyncio.Event()

    async def endless(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(head(200, size))
        try:
            for _ in range(size // MEBIBYTE):
                writer.write(bytes(MEBIBYTE))
                written += MEBIBYTE
                await _drain(writer, stalled)
        except ConnectionError:
            left.set()

    host, _, port = isolated[0].base_url.removeprefix("http://").partition(":")
    async with playing(origin_port, endless), asyncio.timeout(LIMIT_SECONDS):
        _, viewer = await asyncio.open_connection(host, int(port), limit=1024)
        viewer.write(f"GET {url.removeprefix(isolated[0].base_url)} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        await stalled.wait()
        assert written < 64 * MEBIBYTE  # the rest is in the kernel's socket buffers
        viewer.transport.abort()
        await left.wait()


async def _drain(writer: asyncio.StreamWriter, stalled: asyncio.Event) -> None:
    """Set `stalled` once no byte could be written for half a second."""
    draining = asyncio.ensure_future(writer.drain())
    done, _ = await asyncio.wait([draining], timeout=0.5)
    if not done:
        stalled.set()
    await draining


async def test_a_large_object_is_forwarded_in_constant_memory(
    isolated: tuple[Edge, Server], client: httpx.AsyncClient, url: str, origin_port: int
) -> None:
    def max_kibibytes() -> int:
        status = Path(f"/proc/{isolated[1].process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])

    async def large(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, pieces * MEBIBYTE))
        for _ in range(pieces):
            writer.write(bytes(MEBIBYTE))
            await writer.drain()

    async def read() -> int:
        async with client.stream("GET", url) as response:
            return sum([len(piece) async for piece in response.aiter_raw(MEBIBYTE)])

    async with playing(origin_port, large):
        pieces = 8
        await read()
        before = max_kibibytes()
        pieces = 256
        assert await read() == 256 * MEBIBYTE
    assert max_kibibytes() - before < 32 * 1024


@asynccontextmanager
async def in_process(script: Script, *, read_seconds: float) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an edge that runs in this process, with a shorter read timeout than a real one."""
    port = free_port()
    access = AccessCheck("http://edge", KeyGroup({OURS.key_id: ELLIPTIC.public_key()}), utc_now)
    credential = Credential(ACCESS_KEY_ID, SECRET_ACCESS_KEY, "eu-central-1")
    async with playing(port, script), origin_session(read_seconds) as session:
        application = EdgeApplication(access, Origin(session, f"http://127.0.0.1:{port}", BUCKET, credential, utc_now))
        transport = httpx.ASGITransport(cast("Any", application))  # httpx spells out the ASGI types
        async with httpx.AsyncClient(transport=transport) as client:
            yield client
