"""An S3 origin that a test scripts byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Script = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Called for each request with its head. The connection ends when the script raises or closes the writer."""


def head(status: int, length: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Toy", f"Content-Length: {length}", *headers, "", ""]).encode()


def responding(response: bytes) -> Script:
    """Return a script that sends the same bytes to each request."""

    async def script(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return script


@asynccontextmanager
async def playing(port: int, script: Script) -> AsyncIterator[None]:
    """Listen on the loopback port until the end of the block."""
    connections: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                await script(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the edge has closed the connection
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(converse(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()
