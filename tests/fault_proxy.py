"""A TCP proxy before a server, with Toxiproxy's vocabulary: latency, timeout, reset_peer, down."""

import asyncio
import socket
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Self

CHUNK_BYTES = 64 * 1024
HOST = "127.0.0.1"


class FaultProxy:
    """A proxy in the event loop of the test: `async with FaultProxy(server_port) as proxy:` listens on `proxy.port`.

    A fault applies to open and to new connections until another one is chosen; `heal()` ends it.
    """

    def __init__(self, upstream: int) -> None:
        self.port = 0
        self.accepted = 0
        """The number of connections that clients have opened so far."""
        self._upstream = upstream
        self._delay_seconds = self._response_delay_seconds = 0.0
        self._resets = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.down()

    def heal(self) -> None:
        """End the fault. Data held back by `timeout` is delivered, as after lost packets."""
        self._delay_seconds = self._response_delay_seconds = 0.0
        self._resets = False
        self._flowing.set()

    def latency(self, seconds: float, *, responses_only: bool = False) -> None:
        """Delay each chunk, in both directions or in responses only."""
        self.heal()
        self._delay_seconds, self._response_delay_seconds = 0.0 if responses_only else seconds, seconds

    def timeout(self) -> None:
        """Hold all data back while connections stay open, like a black hole."""
        self.heal()
        self._flowing.clear()

    def reset_peer(self) -> None:
        """Reset every open connection, and each new one immediately."""
        self.heal()
        self._resets = True
        self.cut()

    async def down(self) -> None:
        """Stop listening: reset open connections and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        await asyncio.gather(*self._links, return_exceptions=True)
        await asyncio.sleep(0)  # for connections that the kernel had accepted: `_accept` resets them

    async def up(self) -> None:
        """Listen again on the same port."""
        self.heal()
        if self._server is None:
            await self._listen()

    def switch(self, upstream: int) -> None:
        """Connect new connections to another server; open ones stay (`cut` ends them)."""
        self._upstream = upstream

    def cut(self) -> None:
        """Reset the connections that are open now."""
        for task, writer in self._links.items():
            _reset(writer)
            task.cancel()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._resets or self._server is None:  # accepted before it went down
            _reset(writer)
            return
        task = asyncio.create_task(self._join(reader, writer))
        self._links[task] = writer
        task.add_done_callback(self._end)  # also if `cut` cancels it before its first step

    def _end(self, task: "asyncio.Task[None]") -> None:
        _reset(self._links.pop(task))
        if not task.cancelled() and isinstance(error := task.exception(), Exception) and not isinstance(error, OSError):
            raise error

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        server_reader, server_writer = await asyncio.open_connection(HOST, self._upstream)
        pumps = [
            asyncio.create_task(self._pump(reader, server_writer, lambda: self._delay_seconds)),
            asyncio.create_task(self._pump(server_reader, writer, lambda: self._response_delay_seconds)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server_writer.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, delay_seconds: Callable[[], float]
    ) -> None:
        while chunk := await source.read(CHUNK_BYTES):
            if seconds := delay_seconds():
                await asyncio.sleep(seconds)
            await self._flowing.wait()
            target.write(chunk)
            await target.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection with RST instead of FIN (linger 0)."""
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
