"""Serve some users of this machine only: Linux reports who owns the other end of a connection (sock_diag(7)).

Only for a server on loopback: a client on another machine has no user here and is refused.
"""

import asyncio
import os
import socket
import struct
from typing import ClassVar

from darkroom_process.http_protocol import StrictHttpProtocol
from darkroom_shared.problems import Forbidden

EVERYONE = "*"
Address = tuple[str, int]
"""IP address and port."""

_SOCK_DIAG_PROTOCOL = 4
_SOCK_DIAG_MESSAGE = 20
_REQUEST_FLAG = 1
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = b"\xff" * 8
_HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
_QUERY = struct.Struct("=BBxxI2s2s16s16sI8s")
"""struct inet_diag_req_v2: family, protocol, states, then the socket: ports, addresses, interface, cookie."""
_REPLY = struct.Struct("=xB2x48x12xII")
"""struct inet_diag_msg: only the state, the owner's number and the inode."""
_REPLY_BYTES = 4096
_NO_INODE = 0
"""Of a socket that its process has closed: then the owner's number is 0."""
_CLOSED, _LISTENING = 7, 10
"""States of a TCP socket; the first byte of struct tcp_info."""


def parsed_users(text: str) -> frozenset[int] | None:
    """Return the user numbers of a list separated by commas, or None for everyone. Raises ValueError."""
    if text.strip() == EVERYONE:
        return None
    users = frozenset(int(part) for part in text.split(","))
    if min(users) < 0:
        raise ValueError("a user number is not negative")
    return users


def checked_users(text: str) -> str:
    """Return the text unchanged; for settings. Raises ValueError if it is no such list."""
    parsed_users(text)
    return text


def protocol_for(users: frozenset[int] | None) -> type[StrictHttpProtocol]:
    """Return the protocol of a server for these users. None: for everyone."""
    if users is None:
        return StrictHttpProtocol
    allowed = users

    class Protocol(LocalUsersProtocol):
        users = allowed

    return Protocol


class LocalUsersProtocol(StrictHttpProtocol):
    """Refuses each request of a connection that another user opened."""

    users: ClassVar[frozenset[int]]
    _is_allowed = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._is_allowed = peer_of(transport.get_extra_info("socket")) in self.users

    def on_headers_complete(self) -> None:
        if not self._is_allowed:
            raise Forbidden("This installation serves only the user who started it (DARKROOM_LOCAL_USERS).")
        super().on_headers_complete()


def user_of(client: Address, server: Address) -> int | None:
    """Return the user who owns the client's socket of a connection, or None if no process of this machine has it.

    The kernel responds at once. Raises OSError if it has no sock_diag for TCP; see `can_name_owners`.
    """
    version = socket.AF_INET6 if ":" in client[0] else socket.AF_INET
    ports = [port.to_bytes(2, "big") for _, port in (client, server)]
    addresses = [socket.inet_pton(version, host.partition("%")[0]) for host, _ in (client, server)]
    query = _QUERY.pack(version, socket.IPPROTO_TCP, _ALL_STATES, *ports, *addresses, 0, _NO_COOKIE)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _SOCK_DIAG_PROTOCOL) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(query), _SOCK_DIAG_MESSAGE, _REQUEST_FLAG, 0, 0) + query)
        reply = kernel.recv(_REPLY_BYTES)
    if _HEADER.unpack_from(reply)[1] != _SOCK_DIAG_MESSAGE:
        return None
    state, user, inode = _REPLY.unpack_from(reply, _HEADER.size)
    # Without such a connection the kernel returns a server that listens on the client's port.
    return None if inode == _NO_INODE or state == _LISTENING else int(user)


def can_name_owners() -> bool:
    """Return whether this kernel reports owners of connections: some containers and kernels without tcp_diag do not."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=1) as client,
    ):
        try:
            return user_of(client.getsockname(), server.getsockname()) == os.getuid()
        except OSError:
            return False


def peer_of(connection: socket.socket) -> int | None:
    """Return the user at the other end of a connection that is still open, or None.

    After a reset the same ports may belong to a newer connection of another user, so the state is read afterwards.
    """
    try:
        client, server = connection.getpeername(), connection.getsockname()
        user = user_of(client[:2], server[:2])
        [state] = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        return None
    return None if state == _CLOSED else user
