"""Send a response: headers with a small body, or with a range of an object's files."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

from darkroom_process.asgi_types import Message, Receive, Send
from local.asgi import wait_for_disconnect
from local.objects.errors import ClientDisconnected, ContentGone
from local.objects.object_records import Piece
from local.objects.requests import IDLE_SECONDS
from local.objects.storage import Storage

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`size` bytes from `start`, of the concatenated pieces."""

    pieces: Sequence[Piece]
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class _Segment:
    """The part of a byte range that is within one piece."""

    piece: Piece
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | ByteRange = b""

    def with_headers(self, headers: dict[str, str]) -> Self:
        return replace(self, headers=self.headers | headers)


def xml_response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, {"content-type": "application/xml", **(headers or {})}, body)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def xml_time(modified: int) -> str:
    moment = datetime.fromtimestamp(modified / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def send_object_response(response: Response, method: str, storage: Storage, receive: Receive, send: Send) -> None:
    """Send the response.

    Raises ClientDisconnected if the client disconnects or reads nothing; ContentGone, before anything is sent, if a
    write has replaced or deleted the object since its row was read; OSError if a file is too short.
    """
    body, headers = response.body, dict(response.headers)
    bodyless = method == "HEAD" or response.status in (204, 304)
    if response.status not in (204, 304):
        headers.setdefault("content-length", str(body.size if isinstance(body, ByteRange) else len(body)))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    start: Message = {"type": "http.response.start", "status": response.status, "headers": raw}
    if isinstance(body, ByteRange) and not bodyless:
        await _send_byte_range(start, body, storage, receive, send)
    else:
        await send(start)
        whole = b"" if bodyless or isinstance(body, ByteRange) else body
        await _send_in_time(send, {"type": "http.response.body", "body": whole})


async def _send_byte_range(
    start: Message, byte_range: ByteRange, storage: Storage, receive: Receive, send: Send
) -> None:
    segments = list(_segments(byte_range))
    try:
        descriptor = await storage.open(segments[0].piece) if segments else None
    except FileNotFoundError as error:
        raise ContentGone from error
    # uvicorn silently drops what is sent after the client has disconnected; this task detects it.
    gone = asyncio.create_task(wait_for_disconnect(receive))
    try:
        await send(start)
        for segment in segments:
            if descriptor is None:
                descriptor = await storage.open(segment.piece)
            await _send_segment(descriptor, segment, storage, send, gone)
            os.close(descriptor)
            descriptor = None
        await _send_in_time(send, {"type": "http.response.body", "body": b""})
    finally:
        if descriptor is not None:
            os.close(descriptor)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)


def _segments(byte_range: ByteRange) -> Iterator[_Segment]:
    skip, left = byte_range.start, byte_range.size
    for piece in byte_range.pieces:
        if skip < piece.size and left:
            size = min(piece.size - skip, left)
            yield _Segment(piece, skip, size)
            left -= size
        skip = max(skip - piece.size, 0)


async def _send_segment(
    descriptor: int, segment: _Segment, storage: Storage, send: Send, gone: asyncio.Task[None]
) -> None:
    """Send one segment: one chunk is read in a thread while the previous one is sent."""
    start, left = segment.start, segment.size
    reading = asyncio.create_task(_read(storage, descriptor, start, left))
    try:
        while left:
            data = await reading
            start, left = start + len(data), left - len(data)
            if left:
                reading = asyncio.create_task(_read(storage, descriptor, start, left))
            if gone.done():
                raise ClientDisconnected
            await _send_in_time(send, {"type": "http.response.body", "body": data, "more_body": True})
    finally:
        await asyncio.gather(reading, return_exceptions=True)


async def _read(storage: Storage, descriptor: int, start: int, size: int) -> bytes:
    data = await storage.in_thread(os.pread, descriptor, min(size, _CHUNK_BYTES), start)
    if not data:
        raise OSError("a file is shorter than recorded in its row")
    return data


async def _send_in_time(send: Send, message: Message) -> None:
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            await send(message)
    except TimeoutError as error:
        raise ClientDisconnected from error
