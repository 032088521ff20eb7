"""Readiness probes of parts, over plain sockets."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

Probe = Callable[[], Awaitable[bool]]

REPLY_SECONDS = 2.0


def responds_to_http(host: str, port: int, path: str = "/readyz", certificate: ssl.SSLContext | None = None) -> Probe:
    """Ready if a GET of `path` returns 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()

    async def is_ready() -> bool:
        response = await _request(host, port, request, certificate)
        return response.split(b" ", 2)[1:2] == [b"200"]

    return is_ready


def responds_to_redis(host: str, port: int, password: str) -> Probe:
    """Ready if PING returns PONG, which it does not while a data file is loading."""
    request = f"AUTH {password}\r\nPING\r\n".encode()

    async def is_ready() -> bool:
        return await _request(host, port, request, None, lines=2) == b"+OK\r\n+PONG\r\n"

    return is_ready


async def _request(host: str, port: int, request: bytes, certificate: ssl.SSLContext | None, lines: int = 1) -> bytes:
    """Return the first lines of the response; empty if there is none."""
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=certificate)
            try:
                writer.write(request)
                await writer.drain()
                return b"".join([await reader.readline() for _ in range(lines)])
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError, ValueError):  # ValueError: an endless first line
        return b""
