"""Every client looks names up by the event loop's resolver: Redis, MySQL, AWS, and the web tier's forwarder."""

import asyncio
import socket
import ssl
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncmy
import asyncmy.errors
import httpx
import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.stores.clients import Endpoints, open_amazon
from darkroom_process import event_loop
from darkroom_process.event_loop import new_event_loop
from darkroom_process.names import AddressInfo, Query, Resolver
from darkroom_shared.problems import Unavailable
from tests.authority import Authority
from tests.aws_environment import aws_credentials
from web.forwarding import open_transport

UNUSED = "127.0.0.99"
"""Nothing listens there."""


class Names:
    """What the system knows: each name is first at an address where nothing listens, then at 127.0.0.1."""

    def __init__(self) -> None:
        self.queried: list[str | None] = []

    def lookup(self, query: Query) -> list[AddressInfo]:
        self.queried.append(query.host)
        port = int(query.port or 0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in (UNUSED, "127.0.0.1")]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(event_loop, "Resolver", lambda loop: Resolver(loop, names.lookup))
    return names


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main)


class Listener:
    """Counts connections, and closes each."""

    def __init__(self) -> None:
        self.connections = 0

    async def start(self, stack: AsyncExitStack, tls: ssl.SSLContext | None = None) -> int:
        """Return the port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        await stack.enter_async_context(server)
        return int(server.sockets[0].getsockname()[1])

    async def _accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


async def query_redis(port: int) -> None:
    async with redis.asyncio.Redis(host="redis.test", port=port, retry=Retry(NoBackoff(), 0)) as client:
        with pytest.raises(redis.exceptions.ConnectionError):
            await client.ping()


async def query_database(port: int) -> None:
    with pytest.raises(asyncmy.errors.OperationalError):
        await asyncmy.connect(host="database.test", port=port, user="app", password="none")


async def query_amazon(port: int) -> None:
    url = f"http://aws.test:{port}"
    with aws_credentials():
        async with AsyncExitStack() as stack:
            endpoints = Endpoints(url, url, url, url, url)
            amazon = await open_amazon(stack, endpoints, region="eu-central-1", bucket="darkroom", topic_arn="arn")
            with pytest.raises(Unavailable):
                await amazon.dynamo.get("items", {"account_id": "a", "item_id": "i"})


async def query_app(port: int) -> None:
    async with open_transport() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(httpx.Request("GET", f"http://app.test:{port}/v1/account"))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (query_redis, "redis.test"),
        (query_database, "database.test"),
        (query_amazon, "aws.test"),
        (query_app, "app.test"),
    ],
)
def test_each_client_uses_the_resolver_and_tries_all_addresses(names: Names, query: Any, name: str) -> None:
    listener = Listener()

    async def main() -> None:
        async with AsyncExitStack() as stack:
            await query(await listener.start(stack))

    run(main())
    assert set(names.queried) == {name}
    assert listener.connections


def test_tls_is_verified_against_the_name(names: Names, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.sign("redis.test"))
    client = ssl.create_default_context(cafile=str(authority.certificate))

    async def main() -> None:
        async with AsyncExitStack() as stack:
            port = await Listener().start(stack, tls)
            _, writer = await asyncio.open_connection("redis.test", port, ssl=client)
            writer.close()
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.open_connection("other.test", port, ssl=client)

    run(main())


def test_an_address_is_not_queried(names: Names) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            port = await Listener().start(stack)
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            loop = asyncio.get_running_loop()
            assert await loop.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)
            assert await loop.getaddrinfo(None, port, type=socket.SOCK_STREAM)

    run(main())
    assert names.queried == []


def test_a_name_that_refuses_at_every_address_raises_the_last_error(names: Names) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            port = await Listener().start(stack)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("redis.test", port)

    run(main())
