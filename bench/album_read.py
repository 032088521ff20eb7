"""Measure the cost of reading a cached album with its session check, against a FastAPI endpoint that returns a
constant.

The unit is requests per CPU second (user and system) of the server process, with 32 connections; both run under
uvicorn like the app.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import cast

import uvicorn
import uvloop
from fastapi import FastAPI

from bench.scale import scaled
from bench.service import (
    EMAIL,
    PASSWORD,
    data_folder,
    environment_without_settings,
    free_ports,
    register,
    running_service,
)
from darkroom_process.tier_headers import TIER_HEADER
from darkroom_shared.albums import CreateAlbum

FIGURES = ("warm_read_vs_noop",)

CONNECTIONS = 32
REQUESTS = 4_000
"""Per round, at each server."""
REPEATS = scaled(15, minimum=3)
WARM_UP = 2_000
SETTLE_SECONDS = 3.0
"""Time for the app's cache to get a permit."""
LIMIT_SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-album-read-") as name, running_service(Path(name)) as url:
        token, album = asyncio.run(_album(url))
        app = environment_without_settings() | json.loads((data_folder(Path(name)) / "app.json").read_text())
        with _server("app", "serve", app) as ours, _server("bench.album_read", "constant", app) as baseline:
            headers = {"Authorization": f"Bearer {token}", TIER_HEADER.decode(): app["DARKROOM_TIER_SECRET"]}
            request = _request(ours, f"/v1/albums/{album}", headers)
            rates = uvloop.run(_measure((ours, request), (baseline, _request(baseline, "/constant", {}))))
    print(f"requests per CPU second: an album {median(rates[0]):.0f}, a constant {median(rates[1]):.0f}")
    print(f"figure warm_read_vs_noop {median(our / their for our, their in zip(*rates, strict=True)):.3f}")


async def _album(url: str) -> tuple[str, str]:
    """Return a session's token and an album that it can access."""
    async with register(url) as client:
        album = await client.albums.create(CreateAlbum(title="Summer"))
        signed_in = await client.sessions.sign_in(EMAIL, PASSWORD)
        return str(signed_in.token), album.id


Server = tuple[int, int]
"""Process id and port."""


@contextmanager
def _server(module: str, command: str, environment: dict[str, str]) -> Iterator[Server]:
    port = free_ports()
    own = environment | {"DARKROOM_LISTEN_PORT": str(port), "DARKROOM_LISTEN_HOST": "127.0.0.1"}
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", module, command], env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process.pid, port
        finally:
            process.terminate()
            process.wait(LIMIT_SECONDS)


def _request(server: Server, path: str, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server[1]}\r\nAccept: */*\r\n{lines}\r\n".encode()


async def _measure(*servers: tuple[Server, bytes]) -> list[list[float]]:
    for (_, port), request in servers:
        await _until_it_listens(port)
        await asyncio.sleep(SETTLE_SECONDS)
        await _load(port, request, WARM_UP)
    rates: list[list[float]] = [[] for _ in servers]
    for _ in range(REPEATS):
        for (server, request), measured in zip(servers, rates, strict=True):
            began = _cpu_seconds(server[0])
            await _load(server[1], request, REQUESTS)
            measured.append(REQUESTS / (_cpu_seconds(server[0]) - began))
    return rates


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


async def _load(port: int, request: bytes, count: int) -> None:
    """Send requests on all connections, each as soon as the last response arrived, so that the server is never idle."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(LIMIT_SECONDS):
        requesters = [
            (await loop.create_connection(lambda: _Requester(request, count // CONNECTIONS), "127.0.0.1", port))[1]
            for _ in range(CONNECTIONS)
        ]
        await asyncio.gather(*(requester.done for requester in requesters))


class _Requester(asyncio.Protocol):
    """One connection. Streams would cost more CPU than the servers, and all responses to one request have the same
    length.
    """

    def __init__(self, request: bytes, count: int) -> None:
        self._request, self._left, self._missing, self._length = request, count, 0, 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio.Transport
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self.done.done():
            return
        if self._missing == self._length and not data.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(SystemExit(f"the server responded with {data.decode()}"))
            return
        if self._length == 0:
            self._length = self._missing = _length(data)
        self._missing -= len(data)
        if self._missing > 0:
            return
        self._left -= 1
        self._missing = self._length
        if self._left:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._left and not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))
        elif not self.done.done():
            self.done.set_result(None)


def _length(response: bytes) -> int:
    """Return the length of the whole response, whose head has arrived."""
    head, _, _ = response.partition(b"\r\n\r\n")
    return len(head) + 4 + int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def _cpu_seconds(process: int) -> float:
    """Read fields 14 and 15 of proc(5), counted after the name, because the name may contain anything."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _serve_constant() -> None:
    application = FastAPI(openapi_url=None)

    @application.get("/constant")
    async def get_constant() -> dict[str, str]:
        return {"title": "Summer"}

    port = int(os.environ["DARKROOM_LISTEN_PORT"])
    uvicorn.run(
        application,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )


if __name__ == "__main__":
    _serve_constant() if sys.argv[1:] == ["constant"] else main()
