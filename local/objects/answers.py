"""An answer on its way out: headers and a small body, or a stretch of the files of an object."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

from local.asgi import Receive, Send, wait_until_left
from local.objects.errors import ClientGone
from local.objects.object_records import Piece
from local.objects.requests import IDLE_SECONDS
from local.objects.storage import Storage

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """`size` bytes from `start` on, of the pieces laid end to end."""

    pieces: Sequence[Piece]
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Stretch = b""

    def with_headers(self, headers: dict[str, str]) -> Self:
        return replace(self, headers=self.headers | headers)


def xml_answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"content-type": "application/xml", **(headers or {})}, body)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def xml_time(modified: int) -> str:
    moment = datetime.fromtimestamp(modified / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def send_answer(answer: Answer, method: str, storage: Storage, receive: Receive, send: Send) -> None:
    """Raises ClientGone when the client leaves or stays deaf."""
    body = answer.body
    headers = dict(answer.headers)
    if answer.status not in (204, 304):
        headers.setdefault("content-length", str(body.size if isinstance(body, Stretch) else len(body)))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if method == "HEAD" or answer.status in (204, 304):
        await send({"type": "http.response.body", "body": b""})
    elif isinstance(body, Stretch):
        await _send_stretch(body, storage, receive, send)
    else:
        await send({"type": "http.response.body", "body": body})


async def _send_stretch(stretch: Stretch, storage: Storage, receive: Receive, send: Send) -> None:
    # uvicorn drops what is sent after the client has gone, without a word; this task hears of it.
    gone = asyncio.create_task(wait_until_left(receive))
    try:
        skip, left = stretch.start, stretch.size
        for piece in stretch.pieces:
            if skip < piece.size and left:
                size = min(piece.size - skip, left)
                await _send_piece(piece, skip, size, storage, send, gone)
                left -= size
            skip = max(skip - piece.size, 0)
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)


async def _send_piece(
    piece: Piece, start: int, size: int, storage: Storage, send: Send, gone: asyncio.Task[None]
) -> None:
    """Reads one chunk in a thread while the one before is being sent."""
    descriptor = await storage.open(piece)
    reading: asyncio.Task[bytes] | None = None
    try:
        reading = asyncio.create_task(_read(storage, descriptor, start, size))
        while size:
            data = await reading
            start, size = start + len(data), size - len(data)
            if size:
                reading = asyncio.create_task(_read(storage, descriptor, start, size))
            await _send_chunk(data, send, gone)
    finally:
        if reading:
            await asyncio.gather(reading, return_exceptions=True)
        os.close(descriptor)


async def _read(storage: Storage, descriptor: int, start: int, size: int) -> bytes:
    data = await storage.in_thread(os.pread, descriptor, min(size, _CHUNK_BYTES), start)
    if not data:
        raise OSError("a file is shorter than its row says")
    return data


async def _send_chunk(data: bytes, send: Send, gone: asyncio.Task[None]) -> None:
    if gone.done():
        raise ClientGone
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            await send({"type": "http.response.body", "body": data, "more_body": True})
    except TimeoutError as error:
        raise ClientGone from error
