"""A client that closes or resets its connection at any moment leaves no connection to the app behind."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Scope

from tests.web.servers import serving_web
from web.forwarding import Forwarder, Limits, open_transport
from web.metrics import ForwardingMetrics

CLIENTS = 8
LIMIT_SECONDS = 30.0
CLOSE_SECONDS = 5.0
"""Well below the 10 s after which the web tier gives up a silent app, so that this limit closes no connection."""
POLL_SECONDS = 0.01
HOST = b"Host: 127.0.0.1\r\n\r\n"
REQUESTS = {
    "before the head": b"GET /v1/silent HTTP/1.1\r\n" + HOST,
    "in the response's body": b"GET /v1/endless HTTP/1.1\r\n" + HOST,
    "in the request's body": b"POST /v1/silent HTTP/1.1\r\nContent-Length: 1000\r\n" + HOST + b"half",
    "after the request's body": b"POST /v1/silent HTTP/1.1\r\nContent-Length: 4\r\n" + HOST + b"full",
    "in an event stream": b"GET /v1/events HTTP/1.1\r\nAccept: text/event-stream\r\n" + HOST,
}
"""What a client has sent when it ends its connection, by how far the exchange has come. Within the request's body its
reader notices the end, later a watcher."""


class App:
    """Sends an endless body, or nothing, and knows its open connections and the requests that have begun."""

    def __init__(self) -> None:
        self.connections: set[asyncio.StreamWriter] = set()
        self.begun = asyncio.Semaphore(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.begun.release()
            if b"silent" in head:
                await reader.read()
            else:
                await _send_endlessly(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.remove(writer)
            writer.close()


async def _send_endlessly(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
    while True:
        writer.write(bytes(4096))
        await writer.drain()


@asynccontextmanager
async def _web_tier() -> AsyncIterator[tuple[App, int]]:
    """Yield an app and the port of a web tier in front of it."""
    app = App()
    async with await asyncio.start_server(app.serve, "127.0.0.1") as server:
        with serving_web(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as url:
            yield app, urlsplit(url).port or 0


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("moment", REQUESTS)
async def test_the_end_of_a_clients_connection_closes_the_one_to_the_app(moment: str, reset: bool) -> None:
    async with _web_tier() as (app, port), asyncio.timeout(LIMIT_SECONDS):
        for _ in range(CLIENTS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUESTS[moment])
            await app.begun.acquire()
            if "silent" not in REQUESTS[moment].decode():
                await reader.read(1)
            await (_reset(writer) if reset else _finish(reader, writer))
        async with asyncio.timeout(CLOSE_SECONDS):
            while app.connections:  # noqa: ASYNC110  # the other end wakes no event
                await asyncio.sleep(POLL_SECONDS)


async def _finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send FIN, and read to the end: to close a socket with unread bytes sends RST."""
    writer.write_eof()
    while await reader.read(1 << 16):
        pass
    writer.close()
    await writer.wait_closed()


async def _reset(writer: asyncio.StreamWriter) -> None:
    """Send RST."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


class ExpiringApp:
    """Responds to all clients at once, and closes their connections in `close_all`."""

    def __init__(self) -> None:
        self._all_have_begun = asyncio.Barrier(CLIENTS)
        self._expires = asyncio.Event()
        self._all_are_closed = asyncio.Barrier(CLIENTS + 1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await self._all_have_begun.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await self._expires.wait()
        writer.close()
        await writer.wait_closed()
        await self._all_are_closed.wait()

    async def close_all(self) -> None:
        self._expires.set()
        await self._all_are_closed.wait()


async def test_a_client_that_disconnects_while_expired_connections_are_closed_leaves_none_open() -> None:
    app = ExpiringApp()
    async with (
        await asyncio.start_server(app.serve, "127.0.0.1") as server,
        open_transport() as transport,
        asyncio.timeout(LIMIT_SECONDS),
    ):
        port = server.sockets[0].getsockname()[1]
        metrics = ForwardingMetrics(CollectorRegistry())
        forwarder = Forwarder(
            f"http://127.0.0.1:{port}", Limits(requests=CLIENTS, streams=1), metrics, stopping=asyncio.Event()
        )
        scope = _scope(transport)
        await asyncio.gather(*(forwarder(scope, _stay, _discard) for _ in range(CLIENTS)))
        await app.close_all()
        await forwarder(scope, _disconnect, _discard)
    assert metrics.abandoned._value.get() == 1  # and tests/leaks.py finds no socket


def _scope(transport: httpx.AsyncHTTPTransport) -> Scope:
    return {
        "type": "http", "method": "GET", "scheme": "http", "path": "/v1/items", "raw_path": b"/v1/items",
        "query_string": b"", "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1),
        "state": {"transport": transport},
    }  # fmt: skip


async def _stay() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def _disconnect() -> Message:
    return {"type": "http.disconnect"}


async def _discard(_message: Message) -> None:
    pass
