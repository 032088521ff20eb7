"""The listening addresses of the parts: three fixed ports, which public URLs name; the others use free loopback
ports.
"""

import asyncio
import errno
import ipaddress
import secrets
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from local.settings import OPERATOR_PARTS, Settings, Tls
from local.startup_error import ExitCode, StartupError

LOOPBACK = "127.0.0.1"
EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 - requested: DARKROOM_HOST names this machine to others
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST_PORT = 15_000
DEFAULT_PORTS = {"http": 80, "https": 443}
RELEASE_SECONDS = 2.0  # after a supervisor was killed, the kernel needs a moment to end its children
INNER_PARTS = ("valkey", "emulator", "tables", "app", "worker")


@dataclass(frozen=True, slots=True)
class Addresses:
    bind: str
    """The listening address of web, objects and edge."""

    inner: str
    """The address under which our own processes reach them."""

    scheme: str
    public_host: str
    web: int
    objects: int
    edge: int
    ports: dict[str, int]
    """The loopback ports of parts that only our own processes use."""

    operator_ports: dict[str, int] = field(default_factory=dict)
    """The loopback ports of metrics: DARKROOM_OPERATOR_PORT plus the part's index. Empty if that is 0."""

    @property
    def is_reachable_from_network(self) -> bool:
        return not ipaddress.ip_address(self.bind).is_loopback

    def public_url(self, port: int) -> str:
        host = f"[{self.public_host}]" if ":" in self.public_host else self.public_host
        return f"{self.scheme}://{host}:{port}"

    def inner_url(self, port: int) -> str:
        host = f"[{self.inner}]" if ":" in self.inner else self.inner
        return f"{self.scheme}://{host}:{port}"

    def public_hosts(self, port: int) -> tuple[str, ...]:
        """Return the accepted hosts of a part that browsers reach: those of browsers and of our own processes.

        An entry without a port accepts any; browsers leave out the default port.
        """
        names = [self.public_host, self.inner]
        if self.bind in (LOOPBACK, EVERY_INTERFACE):
            names += [LOOPBACK, "localhost"]
        hosts = dict.fromkeys(f"[{name}]" if ":" in name else name.lower() for name in names)
        return tuple(host if port == DEFAULT_PORTS[self.scheme] else f"{host}:{port}" for host in hosts)

    def loopback_url(self, part: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[part]}"


async def choose_addresses(settings: Settings) -> Addresses:
    """Choose all addresses. Raises StartupError if a fixed port is taken and not released within two seconds."""
    bind, inner = _interfaces(settings.host)
    web, objects, edge = (settings.port + offset for offset in range(3))
    for port in (web, objects, edge):
        await _require_free(bind, port, settings, "DARKROOM_PORT", settings.port)
    operator_ports = _operator_ports(settings.operator_port)
    for port in operator_ports.values():
        await _require_free(LOOPBACK, port, settings, "DARKROOM_OPERATOR_PORT", settings.operator_port)
    taken = {web, objects, edge, *operator_ports.values()}
    return Addresses(
        bind=bind,
        inner=inner,
        scheme="http" if settings.tls is Tls.OFF else "https",
        public_host=settings.host,
        web=web,
        objects=objects,
        edge=edge,
        ports=dict(zip(INNER_PARTS, _free_ports(len(INNER_PARTS), taken), strict=True)),
        operator_ports=operator_ports,
    )


def _operator_ports(first: int) -> dict[str, int]:
    return {part: first + index for index, part in enumerate(OPERATOR_PARTS)} if first else {}


def _interfaces(host: str) -> tuple[str, str]:
    """Return the address to bind and the inner one.

    A name may resolve to any address on its own machine, so all interfaces are bound; an address is bound itself.
    """
    if host == "localhost":
        return LOOPBACK, LOOPBACK
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        return EVERY_INTERFACE, LOOPBACK
    return address, address


async def _require_free(host: str, port: int, settings: Settings, variable: str, first: int) -> None:
    deadline = time.monotonic() + RELEASE_SECONDS
    while (error := _bind_error(host, port)) is not None:
        if error.errno == errno.EADDRNOTAVAIL:
            raise StartupError(
                f"DARKROOM_HOST is wrong: {settings.host} is not an address of this machine.", ExitCode.WRONG_SETTING
            )
        if error.errno != errno.EADDRINUSE:
            raise StartupError(f"Port {port} cannot be used: {error.strerror}. Choose another with {variable}.")
        if time.monotonic() > deadline:
            raise StartupError(
                f"Port {port} is taken by another program: stop it, or set {variable} "
                f"(it is {first}; that port and the next two are used)."
            )
        await asyncio.sleep(0.1)


def _bind_error(host: str, port: int) -> OSError | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
        except OSError as error:
            return error
    return None


def _free_ports(count: int, but: set[int]) -> list[int]:
    """Return free ports below the kernel's ephemeral range, so that no outgoing connection can take a part's port
    while the part restarts.
    """
    end = int(EPHEMERAL_RANGE.read_text().split()[0]) if EPHEMERAL_RANGE.exists() else 32_768
    candidates = secrets.SystemRandom().sample(range(FIRST_PORT, max(end, FIRST_PORT + 1000)), 500)
    free = [port for port in candidates if port not in but and _bind_error(LOOPBACK, port) is None]
    return free[:count]
