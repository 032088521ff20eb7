"""The request body on its way to the app: streamed, size-limited, and watched for a client that disconnects."""

import asyncio
from collections.abc import AsyncIterator

import httpx
from starlette.types import Receive

from darkroom_shared.problems import TooLarge
from web.session_cookie import HeaderList

MAX_BODY_BYTES = 1024 * 1024
"""Photos and videos never take this path; the largest legitimate body requests the URLs of 100 parts."""


class ClientDisconnected(Exception):
    """The client closed its connection before the response was complete."""


def too_large() -> TooLarge:
    return TooLarge(f"A request may carry at most {MAX_BODY_BYTES} bytes.")


class RequestBody(httpx.AsyncByteStream):
    """Reads the ASGI channel once. Iteration raises TooLarge or ClientDisconnected."""

    def __init__(self, receive: Receive, headers: HeaderList) -> None:
        self.empty = _announces_no_body(headers)
        self._receive = receive
        self._read = asyncio.Event()
        if self.empty:
            self._read.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.empty:
            return
        size_bytes = 0
        while not self._read.is_set():
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            chunk: bytes = message.get("body", b"")
            size_bytes += len(chunk)
            if size_bytes > MAX_BODY_BYTES:
                raise too_large()
            if not message.get("more_body", False):
                self._read.set()
            if chunk:
                yield chunk

    async def wait_for_disconnect(self) -> None:
        """Return once the client has disconnected. Reads the channel only after the body has been consumed."""
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _announces_no_body(headers: HeaderList) -> bool:
    """Return True if neither header announces a body: in HTTP/1.1 a request has one only with one of them."""
    return not any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0") for name, value in headers
    )
