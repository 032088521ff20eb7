"""Small ASGI helpers that the emulator's wrappers share; standard library only."""

import asyncio
from dataclasses import dataclass

from darkroom_process.asgi_types import Message, Receive, Scope, Send


@dataclass(slots=True)
class BufferedResponse:
    """A response held back: pass `take` as `send`; `send_on` sends it, possibly with another body."""

    start: Message | None = None
    body: bytes = b""

    @property
    def status(self) -> int:
        return int(self.start["status"]) if self.start else 0

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    async def send_on(self, send: Send) -> None:
        if self.start is None:
            return
        headers = [(name, value) for name, value in self.start["headers"] if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({**self.start, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def send_response(
    send: Send, status: int, body: bytes = b"", content_type: str = "text/plain", *, close: bool = False
) -> None:
    """Send a response. `close` ends the connection, for a request whose body was not read."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, max_bytes: int | None = None) -> bytes | None:
    """Return the body, or None if the client disconnected before it was complete. Raises OverflowError above
    `max_bytes`.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if max_bytes is not None and size > max_bytes:
            raise OverflowError(f"a body of more than {max_bytes} bytes")
        if not message.get("more_body", False):
            return b"".join(parts)


def replay(body: bytes, then: Receive | None = None) -> Receive:
    """Return a `receive` that returns this body, then the messages of `then`; without `then` it waits for ever."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        if then is None:
            await asyncio.Event().wait()
            raise AssertionError("unreachable")
        return await then()

    return receive


def with_length(scope: Scope, body: bytes) -> Scope:
    """Return the scope with the length of the replaced body."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    return {**scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}


async def wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
