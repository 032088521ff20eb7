"""A server on loopback recognises which user of the machine opened a connection."""

import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom_process import local_users
from darkroom_process.local_users import can_name_owners, parsed_users, peer_of, user_of
from darkroom_process.server_config import server_config
from tests.shared.darkroom_process.test_server_config import show_client
from tests.web.servers import running_server

ANOTHER_USER = 65_534


@pytest.mark.parametrize(
    ("users", "status"),
    [
        (None, 200),
        (frozenset({os.getuid()}), 200),
        (frozenset({ANOTHER_USER}), 403),
        (frozenset({ANOTHER_USER, os.getuid()}), 200),
    ],
)
def test_only_the_named_users_are_served(users: frozenset[int] | None, status: int) -> None:
    config = server_config(show_client, grace_seconds=1, local_users=users)
    with running_server(config) as url, httpx.Client(base_url=url) as client:
        responses = [client.get("/"), client.post("/anything", content=b"body")]
    assert [response.status_code for response in responses] == [status, status]
    if status != 200:
        assert {response.headers["content-type"] for response in responses} == {"application/problem+json"}


@pytest.fixture(params=["IPv4", "IPv6", "IPv4 on an IPv6 socket"])
def connection(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield a connection's client and server."""
    listening = socket.create_server(("::1", 0), family=socket.AF_INET6) if request.param == "IPv6" else None
    with listening or socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        host = {"IPv4": "127.0.0.1", "IPv6": "::1"}.get(request.param, "::ffff:127.0.0.1")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as client:
            client.connect((host, port))
            server, _ = listener.accept()
            with server:
                yield client, server


def test_the_user_of_a_connection_is_its_clients(connection: tuple[socket.socket, socket.socket]) -> None:
    client, server = connection
    ends = server.getpeername()[:2], server.getsockname()[:2]
    assert user_of(*ends) == os.getuid()
    os.fchown(client.fileno(), ANOTHER_USER, -1)
    assert user_of(*ends) == ANOTHER_USER
    client.close()
    assert user_of(*ends) is None


def test_a_server_that_listens_on_the_clients_port_does_not_own_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as server:
        assert user_of(listener.getsockname(), server.getsockname()) is None


class WithCachedPeer:
    """A socket as uvloop wraps it: it returns the peer that it had, even after a reset."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._peer = connection, connection.getpeername()

    def getpeername(self) -> Any:
        return self._peer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_connection_that_was_reset_has_no_peer(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = connection
    wrapped: Any = WithCachedPeer(server)
    assert peer_of(wrapped) == os.getuid()

    def owner_after_reset(*_ends: object) -> int:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        return ANOTHER_USER

    monkeypatch.setattr(local_users, "user_of", owner_after_reset)
    assert peer_of(wrapped) is None


def test_this_kernel_names_the_owner_of_a_connection() -> None:
    assert can_name_owners()


def test_a_connection_that_was_reset_before_it_was_accepted_is_closed() -> None:
    """It has no peer any more when the server accepts it."""
    descriptors = Path("/proc/self/fd")
    config = server_config(show_client, grace_seconds=1, local_users=frozenset({os.getuid()}))
    with running_server(config) as url:
        port = int(url.rpartition(":")[2])
        before = len(list(descriptors.iterdir()))
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert httpx.get(url).status_code == 200, "connections are accepted in their order, so all others were"
        deadline = time.monotonic() + 60
        while len(list(descriptors.iterdir())) > before:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("text", ["", "root", "0,", "-1", "0;1", "1.5"])
def test_a_list_of_users_consists_of_numbers(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed_users(text)


def test_a_list_of_users_is_parsed() -> None:
    assert parsed_users(" 0, 1000 ") == frozenset({0, 1000})
    assert parsed_users("*") is None
