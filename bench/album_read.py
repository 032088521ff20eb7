"""What reading a cached album costs, its session checked, beside a FastAPI endpoint that returns a constant.

Requests per CPU second (user and system) of the server's process, 32 connections, both under uvicorn as the app is.
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

import uvicorn
from fastapi import FastAPI

from bench.service import (
    EMAIL,
    PASSWORD,
    data_folder,
    environment_without_settings,
    free_ports,
    register,
    running_service,
)
from shared.albums import CreateAlbum

FIGURES = ("warm_read_vs_noop",)

CONNECTIONS = 32
REQUESTS = 4_000
"""Of one round, at each server."""
ROUNDS = 15
WARM_UP = 2_000
SETTLE_SECONDS = 3.0
"""Until a server has started, and its cache has a permit."""
LIMIT_SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-album-read-") as name, running_service(Path(name)) as url:
        token, album = asyncio.run(_album(url))
        app = environment_without_settings() | json.loads((data_folder(Path(name)) / "app.json").read_text())
        with _server("app", "serve", app) as ours, _server("bench.album_read", "constant", app) as theirs:
            request = _request(f"/v1/albums/{album}", f"Authorization: Bearer {token}\r\n")
            rates = asyncio.run(_measure((ours, request), (theirs, _request("/constant", ""))))
    print(f"requests per CPU second: an album {median(rates[0]):.0f}, a constant {median(rates[1]):.0f}")
    print(f"figure warm_read_vs_noop {median(our / their for our, their in zip(*rates, strict=True)):.3f}")


async def _album(url: str) -> tuple[str, str]:
    """A session's token, and an album that it may see."""
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


def _request(path: str, headers: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: app\r\nAccept: */*\r\n{headers}\r\n".encode()


async def _measure(*servers: tuple[Server, bytes]) -> list[list[float]]:
    for (_, port), request in servers:
        await asyncio.sleep(SETTLE_SECONDS)
        await _load(port, request, WARM_UP)
    rates: list[list[float]] = [[] for _ in servers]
    for _ in range(ROUNDS):
        for (server, request), found in zip(servers, rates, strict=True):
            began = _cpu_seconds(server[0])
            await _load(server[1], request, REQUESTS)
            found.append(REQUESTS / (_cpu_seconds(server[0]) - began))
    return rates


async def _load(port: int, request: bytes, count: int) -> None:
    async with asyncio.timeout(LIMIT_SECONDS), asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(_ask(port, request, count // CONNECTIONS))


async def _ask(port: int, request: bytes, count: int) -> None:
    reader, writer = await _connect(port)
    for _ in range(count):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the server answered {head.decode()}")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Also to a server that is only starting."""
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)


def _cpu_seconds(process: int) -> float:
    """proc(5): the 14th and 15th field, counted behind the name, which may hold anything."""
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
