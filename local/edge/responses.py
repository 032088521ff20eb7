"""Send the edge's responses with the headers that CloudFront adds to each."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

from darkroom_process.asgi_types import Message, Send

STALLED_SECONDS: Final = 60.0
"""A client that reads nothing of its response for this long is disconnected."""

_VIA: Final = f"1.1 {secrets.token_hex(16)}.cloudfront.net (CloudFront)"  # one host name per process
_COMMON_HEADERS: Final = {
    # From the distribution's response headers policy; without credentials, so `*` covers every name.
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "*",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
    "via": _VIA,
}
_PREFLIGHT: Final = {
    "access-control-allow-methods": "GET, HEAD, OPTIONS",
    "access-control-allow-headers": "*",
    "access-control-max-age": "7200",  # seconds; Chromium's maximum
}


class ClientStalled(Exception):
    """The client has read nothing for STALLED_SECONDS."""


async def send_start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    cache_status = "Miss from cloudfront" if status < 400 else "Error from cloudfront"
    named = {**headers, **_COMMON_HEADERS, "x-cache": cache_status, "x-amz-cf-id": secrets.token_urlsafe(42)}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
    await _send_in_time(send, {"type": "http.response.start", "status": status, "headers": raw})


async def send_piece(send: Send, piece: bytes) -> None:
    """Send one of several pieces; `send_end` must follow. Raises ClientStalled."""
    await _send_in_time(send, {"type": "http.response.body", "body": piece, "more_body": True})


async def send_end(send: Send, body: bytes = b"") -> None:
    await _send_in_time(send, {"type": "http.response.body", "body": body})


async def send_empty(send: Send) -> None:
    await send_start(send, 200, {"content-length": "0"})
    await send_end(send)


async def send_preflight(send: Send) -> None:
    await send_start(send, 200, {"content-length": "0", **_PREFLIGHT})
    await send_end(send)


async def send_error(
    send: Send, method: str, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> None:
    """Send an error in CloudFront's format; only its own pages for 502 and 504 are HTML, not ours."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    ).encode()
    described = {
        "server": "CloudFront",
        "content-type": "text/xml",
        "content-length": str(len(body)),
        "cache-control": "no-store",  # the cause of an error may end within a minute
    }
    await send_start(send, status, {**(headers or {}), **described})
    await send_end(send, b"" if method == "HEAD" else body)


async def _send_in_time(send: Send, message: Message) -> None:
    try:
        async with asyncio.timeout(STALLED_SECONDS):
            await send(message)
    except TimeoutError as error:
        raise ClientStalled from error
