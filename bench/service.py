"""A whole Darkroom for benchmarks: `darkroom up` over a folder, on free ports, stopped by its process id."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from socket import socket

from client.client import DarkroomClient

DARKROOM = Path(sys.executable).with_name("darkroom")
EMAIL, PASSWORD = "bench@example.com", "a password for a benchmark"
READY = "Darkroom is ready at"
READY_SECONDS = 60
STOP_SECONDS = 60


def environment_without_settings() -> dict[str, str]:
    """This process's own, so that no setting of another Darkroom leads a benchmark astray."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}


@contextmanager
def running_service(folder: Path) -> Iterator[str]:
    """Its URL. Started again over the same folder it has the data of before, on other ports."""
    port = free_ports()
    own = {"DARKROOM_DATA": str(data_folder(folder)), "DARKROOM_PORT": str(port)}
    log = folder / "up.log"
    with (
        log.open("w") as output,
        subprocess.Popen(  # noqa: S603 - our own command
            [DARKROOM, "up"], env=environment_without_settings() | own, stdout=output, stderr=output
        ) as process,
    ):
        try:
            _await_ready(process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def data_folder(folder: Path) -> Path:
    """Where a service over this folder keeps its data."""
    return folder / "data"


@asynccontextmanager
async def signed_in(url: str, email: str = EMAIL) -> AsyncIterator[DarkroomClient]:
    """A client of a new account."""
    async with DarkroomClient(url) as client:
        await client.sessions.register(email, PASSWORD)
        await client.sessions.sign_in(email, PASSWORD)
        yield client


def _await_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up_at = time.monotonic() + READY_SECONDS
    while READY not in log.read_text():
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise SystemExit(f"`darkroom up` did not become ready:\n{log.read_text()[-2_000:]}")
        time.sleep(0.1)


def free_ports() -> int:
    """A loopback port whose two neighbours are free as well: those of the object store and the edge."""
    while True:
        with socket() as first, socket() as second, socket() as third:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                third.bind(("127.0.0.1", port + 2))
            except (OSError, OverflowError):
                continue
            return port
