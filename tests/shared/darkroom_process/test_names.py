"""Look-ups of names: shared, limited in time, and none delays another (CHECKS 47)."""

import asyncio
import gc
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from darkroom_process import names
from darkroom_process.names import AddressInfo, Query, Resolver

SILENT = "silent"


def at(address: str) -> list[AddressInfo]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]


class NameServer:
    """Responds with `addresses`; a silent one responds when `speak` is set."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.lookups: Counter[str] = Counter()
        self.speak = threading.Event()

    def lookup(self, query: Query) -> list[AddressInfo]:
        host = str(query.host)
        self.lookups[host] += 1
        if self.addresses.get(host) == SILENT:
            self.speak.wait(20)
        address = self.addresses.get(host, SILENT)
        if address == SILENT:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return at(address)


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.speak.set()


class Clock:
    """Moves only when a test changes `seconds`."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def resolver(server: NameServer, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Resolver:
    monkeypatch.setattr(names, "LOOKUP_SECONDS", 0.2)
    return Resolver(asyncio.get_running_loop(), server.lookup, clock)


async def test_concurrent_callers_share_a_lookup(resolver: Resolver, server: NameServer) -> None:
    server.addresses["redis"] = "127.0.0.2"
    results = await asyncio.gather(*(resolver.resolve(Query("redis", 80)) for _ in range(100)))
    assert results == [at("127.0.0.2")] * 100
    assert server.lookups == {"redis": 1}


async def test_a_silent_name_delays_no_other_name(resolver: Resolver, server: NameServer) -> None:
    server.addresses = {f"dead{number}": SILENT for number in range(20)} | {"alive": "127.0.0.3"}
    dead = [asyncio.ensure_future(resolver.resolve(Query(name, 80))) for name in server.addresses if name != "alive"]
    assert await resolver.resolve(Query("alive", 80)) == at("127.0.0.3")
    assert not any(future.done() for future in dead)
    for result in await asyncio.gather(*dead, return_exceptions=True):
        assert isinstance(result, socket.gaierror)


async def test_a_silent_name_fails_in_time_and_has_one_lookup_in_flight(resolver: Resolver, server: NameServer) -> None:
    server.addresses["redis"] = SILENT
    for _ in range(3):
        async with asyncio.timeout(5):
            with pytest.raises(socket.gaierror):
                await resolver.resolve(Query("redis", 80))
    assert server.lookups == {"redis": 1}


@pytest.mark.parametrize("failure", [SILENT, None])
async def test_known_addresses_are_used_while_lookups_fail(
    resolver: Resolver, server: NameServer, clock: Clock, failure: str | None
) -> None:
    server.addresses["redis"] = "127.0.0.2"
    await resolver.resolve(Query("redis", 80))
    server.addresses = {"redis": failure} if failure else {}
    clock.seconds += names.REUSE_SECONDS
    assert [await resolver.resolve(Query("redis", 80)) for _ in range(50)] == [at("127.0.0.2")] * 50
    assert server.lookups == {"redis": 2}


async def test_a_failing_name_is_queried_again(resolver: Resolver, server: NameServer, clock: Clock) -> None:
    server.addresses["redis"] = "127.0.0.2"
    await resolver.resolve(Query("redis", 80))
    server.addresses = {}
    clock.seconds += names.REUSE_SECONDS
    await resolver.resolve(Query("redis", 80))
    server.addresses["redis"] = "127.0.0.4"
    assert await resolver.resolve(Query("redis", 80)) == at("127.0.0.2")
    clock.seconds += names.RETRY_SECONDS
    while await resolver.resolve(Query("redis", 80)) != at("127.0.0.4"):  # noqa: ASYNC110 - polls a thread
        await asyncio.sleep(0.01)
    assert server.lookups == {"redis": 3}


async def test_a_reconnection_gets_the_new_address(resolver: Resolver, server: NameServer, clock: Clock) -> None:
    server.addresses["database"] = "127.0.0.2"
    await resolver.resolve(Query("database", 80))
    server.addresses["database"] = "127.0.0.3"
    clock.seconds += names.REUSE_SECONDS
    assert await resolver.resolve(Query("database", 80)) == at("127.0.0.3")


async def test_a_failure_without_a_caller_is_retrieved(resolver: Resolver, server: NameServer) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    server.addresses["redis"] = SILENT
    caller = asyncio.ensure_future(resolver.resolve(Query("redis", 80)))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    server.speak.set()
    with pytest.raises(socket.gaierror):
        await resolver.resolve(Query("redis", 80))
    del caller
    gc.collect()
    assert reported == []


async def test_the_number_of_names_is_limited(
    resolver: Resolver, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_NAMES", 2)
    server.addresses = {f"name{number}": f"127.0.0.{number}" for number in range(10)}
    for name, address in server.addresses.items():
        assert await resolver.resolve(Query(name, 80)) == at(address)
    await resolver.resolve(Query("name0", 80))
    assert server.lookups["name0"] == 2


def test_the_system_refuses_a_malformed_name() -> None:
    with pytest.raises(socket.gaierror, match="no valid name"):
        names.system_lookup(Query("a" * 64, 80))
