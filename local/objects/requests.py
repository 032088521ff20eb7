"""A request as the calls see it: bucket, key, query and headers from the ASGI scope, the body as a stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from darkroom_process.asgi_types import Receive, Scope
from local.objects.errors import ClientDisconnected, S3Error

MAX_KEY_BYTES = 1_024
IDLE_SECONDS = 60
"""How long a client may send nothing of its body, or read nothing of a response."""


@dataclass(frozen=True, slots=True)
class Request:
    """`fields` are the headers plus the `x-amz-` parameters that a presigned URL carries instead of headers."""

    method: str
    path: bytes
    bucket: str
    key: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    fields: dict[str, str]
    receive: Receive

    def parameter(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    def number(self, name: str, default: int) -> int:
        """Return a numeric parameter. Raises InvalidArgument unless it is a number of at least 0."""
        value = self.parameter(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise S3Error("InvalidArgument", f"Provided {name} not an integer or within integer range")
        return int(value)

    @property
    def expects_continue(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body's chunks. Raises ClientDisconnected if the client disconnects, RequestTimeout if nothing more
        arrives.
        """
        more = True
        while more:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    message = await self.receive()
            except TimeoutError as error:
                raise S3Error("RequestTimeout") from error
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            if chunk := message.get("body", b""):
                yield chunk
            more = message.get("more_body", False)


def read_request(scope: Scope, receive: Receive) -> Request:
    """Parse the scope. Raises InvalidURI or KeyTooLongError."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path: bytes = scope["raw_path"]
    raw_bucket, _, raw_key = path.removeprefix(b"/").partition(b"/")
    query = _read_query(scope["query_string"])
    hoisted = {name.lower(): value for name, value in query if name.lower().startswith("x-amz-")}
    key = _decoded(raw_key)
    if len(key.encode()) > MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError", details={"MaxSizeAllowed": str(MAX_KEY_BYTES)})
    return Request(scope["method"], path, _decoded(raw_bucket), key, query, headers, hoisted | headers, receive)


def _read_query(raw: bytes) -> tuple[tuple[str, str], ...]:
    pairs = (part.partition(b"=") for part in raw.split(b"&") if part)
    return tuple((_decoded(name), _decoded(value)) for name, _, value in pairs)


def _decoded(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI") from error
