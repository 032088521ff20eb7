"""Serve some users of this machine only. Linux lists the TCP sockets of a machine with their owners (proc(5)).

Only for a server on loopback: a client on another machine has no user here and is refused.
"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import ClassVar

from darkroom_process.http_protocol import StrictHttpProtocol
from darkroom_shared.problems import Forbidden

EVERYONE = "*"

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MAPPED_PREFIX = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in (bytes(4), bytes(4), b"\0\0\xff\xff"))
"""Of an IPv4 address on an IPv6 socket."""
_LOCAL, _REMOTE, _USER, _INODE = 1, 2, 7, 9
_NO_INODE = "0"
"""Of a socket that its process has closed; its user is not reliable."""


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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._is_allowed = user_of(client[:2], server[:2]) in self.users

    def on_headers_complete(self) -> None:
        if not self._is_allowed:
            raise Forbidden("This installation serves only the user who started it (DARKROOM_LOCAL_USERS).")
        super().on_headers_complete()


def user_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the user who owns the client's socket of a connection, or None if no process of this machine has it.

    Reads memory of the kernel, not a disk: 0.1 ms with 100 sockets on the machine.
    """
    ends = list(zip(_written(*client), _written(*server), strict=True))
    for table in _TABLES:
        for line in table.read_text().splitlines()[1:]:
            columns = line.split()
            if (columns[_LOCAL], columns[_REMOTE]) in ends and columns[_INODE] != _NO_INODE:
                return int(columns[_USER])
    return None


def _written(host: str, port: int) -> list[str]:
    """Return an end of a connection as the tables have it: 32-bit words in the machine's byte order."""
    is_ipv6 = ":" in host
    address = socket.inet_pton(socket.AF_INET6 if is_ipv6 else socket.AF_INET, host.partition("%")[0])
    words = (address[start : start + 4] for start in range(0, len(address), 4))
    written = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{port:04X}"
    return [written] if is_ipv6 else [written, _MAPPED_PREFIX + written]
