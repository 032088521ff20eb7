"""The event loop of every server of ours: uvloop, with one resolver for all clients on it."""

import socket
from typing import Any

import uvloop

from darkroom_process.hosts import is_address
from darkroom_process.names import AddressInfo, Query, Resolver, system_lookup


class EventLoop(uvloop.Loop):
    """Looks names up by a `Resolver`, whichever client opens the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.resolver = Resolver(self)

    async def getaddrinfo(  # type: ignore[override]  # uvloop's stub has host and port as bytes, too
        self,
        host: str | bytes | None,
        port: str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - asyncio's name
        proto: int = 0,
        flags: int = 0,
    ) -> list[AddressInfo]:
        name = host.decode("idna") if isinstance(host, bytes) else host
        if name is None or is_address(name):  # needs no name server, so this does not block
            return system_lookup(Query(name, port, family, type, proto, flags))
        return await self.resolver.resolve(Query(name, port, family, type, proto, flags))

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Connect to the first address of `host` that accepts; TLS is verified against `host`."""
        if host is None or is_address(host):
            return await super().create_connection(protocol_factory, host, port, **options)
        if options.get("ssl") and options.get("server_hostname") is None:
            options["server_hostname"] = host
        arguments = {name: options.get(name, 0) for name in ("family", "proto", "flags")}
        infos = await self.getaddrinfo(host, port, type=socket.SOCK_STREAM, **arguments)
        for number, info in enumerate(infos, 1):
            try:
                return await super().create_connection(protocol_factory, info[4][0], info[4][1], **options)
            except OSError:
                if number == len(infos):
                    raise
        raise OSError(f"{host} has no address.")


def new_event_loop() -> EventLoop:
    return EventLoop()
