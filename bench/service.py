"""Run a whole Darkroom for benchmarks: `darkroom up` over a folder, on free ports, stopped by its process id."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import randrange
from socket import socket
from unittest.mock import patch

from app.stores.clients import Endpoints, open_amazon
from app.stores.dynamo import Dynamo
from app.stores.resources import as_json
from darkroom_client.client import DarkroomClient
from local.resources import Access, create_tables

DARKROOM = Path(sys.executable).with_name("darkroom")
EMAIL, PASSWORD = "bench@example.com", "a password for a benchmark"
CREDENTIAL = {"region": "eu-central-1", "access_key_id": "AKIDBENCHMARK", "secret_access_key": "benchmark-secret"}
"""For the tables that a benchmark starts."""
AWS_ENVIRONMENT = {f"AWS_{name.upper()}": CREDENTIAL[name] for name in ("access_key_id", "secret_access_key")}
READY = "Darkroom is ready at"
READY_SECONDS = 60
STOP_SECONDS = 60
PORTS = (20_000, 32_000)
"""Below the ephemeral range: such a port could be taken by an outgoing connection before the server listens."""


def environment_without_settings() -> dict[str, str]:
    """Return this process's environment without the settings of another Darkroom."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}


@contextmanager
def running_service(folder: Path, **settings: str) -> Iterator[str]:
    """Run a service and yield its URL. Restarted over the same folder it has the earlier data, on other ports."""
    port = free_ports()
    own = {"DARKROOM_DATA": str(data_folder(folder)), "DARKROOM_PORT": str(port)}
    log = folder / "up.log"
    with (
        log.open("w") as output,
        subprocess.Popen(  # noqa: S603 - our own command
            [DARKROOM, "up"], env=environment_without_settings() | own | settings, stdout=output, stderr=output
        ) as process,
    ):
        try:
            _await_ready(process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def data_folder(folder: Path) -> Path:
    """Return the folder in which a service over this folder keeps its data."""
    return folder / "data"


@asynccontextmanager
async def register(url: str, email: str = EMAIL) -> AsyncIterator[DarkroomClient]:
    """Open a client of a new account."""
    async with DarkroomClient(url) as client:
        await client.sessions.register(email, PASSWORD)
        await client.sessions.sign_in(email, PASSWORD)
        yield client


@asynccontextmanager
async def sign_in(url: str, email: str) -> AsyncIterator[DarkroomClient]:
    """Open a client of an existing account."""
    async with DarkroomClient(url) as client:
        await client.sessions.sign_in(email, PASSWORD)
        yield client


def _await_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up_at = time.monotonic() + READY_SECONDS
    while READY not in log.read_text():
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise SystemExit(f"`darkroom up` did not become ready:\n{log.read_text()[-2_000:]}")
        time.sleep(0.1)


def free_ports() -> int:
    """Return a loopback port whose next two ports are free as well: those of the object store and the edge."""
    while True:
        port = randrange(*PORTS)
        with socket() as first, socket() as second, socket() as third, suppress(OSError):
            for offset, probe in enumerate((first, second, third)):
                probe.bind(("127.0.0.1", port + offset))
            return port


@contextmanager
def running_tables(file: Path) -> Iterator[str]:
    """Run `local/tables` with every declared table and yield its endpoint; no other process may have the file open."""
    port = free_ports()
    own = {"DARKROOM_LISTEN_PORT": str(port), "DARKROOM_TABLES_FILE": str(file)}
    own |= AWS_ENVIRONMENT
    command = [sys.executable, "-m", "local.tables"]
    with subprocess.Popen(  # noqa: S603 - our own server
        command, env=environment_without_settings() | own, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "server.ready" in process.stderr.readline()
        try:
            endpoint = f"http://127.0.0.1:{port}"
            create_tables(Access(**CREDENTIAL, certificate=None).client("dynamodb", endpoint), as_json("bench"))
            yield endpoint
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


@asynccontextmanager
async def open_tables(endpoint: str) -> AsyncIterator[Dynamo]:
    """Open the client with which our processes write these tables."""
    async with AsyncExitStack() as stack:
        endpoints = Endpoints(dynamodb=endpoint, s3=endpoint, s3_public=endpoint, sqs=endpoint, sns=endpoint)
        with patch.dict(os.environ, AWS_ENVIRONMENT):
            amazon = await open_amazon(stack, endpoints, region=CREDENTIAL["region"], bucket="bench", topic_arn="arn")
        yield amazon.dynamo
