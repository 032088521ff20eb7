"""Serve requests for our own hosts only: a page whose name was rebound to our address (DNS rebinding) sends that name.

Standard library only, so that the emulator's interpreter can import it.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Self

from darkroom_process.asgi_types import Application, Receive, Scope, Send

ANY = "*"
HEALTH_PATHS = frozenset({"/healthz", "/readyz"})

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?")
_DEFAULT_PORTS = (80, 443)
"""Browsers leave these out of Host."""
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Entries are `name` (with any port) or `name:port`, in lower case; `*` allows everything."""

    entries: frozenset[str]
    any_address: bool = False
    """Allow any IP address, for a server whose clients name a machine by its address. A page cannot exploit this: it
    can rebind names only.
    """

    @classmethod
    def parse(cls, text: str, listen_host: str, listen_port: int, *, any_address: bool = False) -> Self:
        """Read comma-separated entries; without any, allow only the listening address. Raises ValueError."""
        entries = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
        for entry in entries:
            if entry != ANY and not _HOST.fullmatch(entry):
                raise ValueError(f"not a host: {entry}")
        return cls(entries or frozenset(_own_hosts(listen_host, listen_port)), any_address)

    def allows(self, headers: Iterable[tuple[bytes, bytes]], path: str) -> bool:
        """Decide on a request's raw headers, whose names are in lower case.

        Health checks may name any address, because load balancers name an instance by its address.
        """
        if ANY in self.entries:
            return True
        hosts = [value for name, value in headers if name == b"host"]
        match = _HOST.fullmatch(hosts[0].decode("latin-1").lower()) if len(hosts) == 1 else None
        if match is None:
            return False
        if (self.any_address or path in HEALTH_PATHS) and is_address(match[1]):
            return True
        return match[0] in self.entries or match[1] in self.entries


class OwnHostsOnly:
    """ASGI middleware that lets `refuse` respond to a request for another host."""

    def __init__(
        self, application: Application, hosts: AllowedHosts, refuse: Callable[[Send], Awaitable[None]]
    ) -> None:
        self._application, self._hosts, self._refuse = application, hosts, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._hosts.allows(scope["headers"], scope["path"]):
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await self._refuse(send)


def checked_hosts(text: str) -> str:
    """Return the text unchanged; for settings. Raises ValueError if an entry is not a host."""
    AllowedHosts.parse(text, "", 0)
    return text


def _own_hosts(listen_host: str, listen_port: int) -> list[str]:
    host = f"[{listen_host}]" if ":" in listen_host else listen_host.lower()
    names = _LOOPBACK_NAMES if host in _LOOPBACK_NAMES else (host,)
    return list(names) if listen_port in _DEFAULT_PORTS else [f"{name}:{listen_port}" for name in names]


def is_address(name: str) -> bool:
    """Return whether it is an IP address, which may be in brackets, and no name."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
