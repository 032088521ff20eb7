"""One scripted service process for all tests, and a separate account for each test."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from darkroom_client.client import DarkroomClient
from darkroom_client.connection import tls_context
from darkroom_shared.ids import new_ulid
from darkroom_shared.uploads import MEBIBYTE
from tests.client.forked_command import ForkedCommand, start_fork_server
from tests.servers import free_port, running

PASSWORD = "correct horse battery"
COMMAND_SECONDS = 60


@dataclass(frozen=True)
class ScriptedAccount:
    """An account of the scripted service, and the folder that serves as its owner's home."""

    url: str
    email: str
    home: Path

    def script(self, **changes: Any) -> dict[str, Any]:
        """Set what goes wrong from now on. Returns the record of what happened so far."""
        response = httpx.post(f"{self.url}/control/{self.email}", json=changes, timeout=30, verify=tls_context())
        response.raise_for_status()
        record: dict[str, Any] = response.json()
        return record

    def record(self) -> dict[str, Any]:
        return self.script()

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
        own = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "DARKROOM_URL": self.url,
        }
        return inherited | own | more

    async def until_stalled(self) -> None:
        """Wait until the storage has received `stall_at` bytes."""
        await self._until("stalled")

    async def until_completed(self) -> None:
        """Wait until an item has been completed."""
        await self._until("completed")

    async def _until(self, happened: str) -> None:
        async with httpx.AsyncClient(timeout=60, verify=tls_context()) as http:
            (await http.get(f"{self.url}/control/{self.email}/{happened}", timeout=30)).raise_for_status()

    @contextmanager
    def started(self, *words: str | Path) -> Iterator[ForkedCommand]:
        """Run `darkroom …` in the background and kill it at the end of the block."""
        with ForkedCommand(list(map(str, words)), self.environment()) as command:
            yield command

    def run(self, *words: str | Path, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run `darkroom …` as this account's owner and wait for its end."""
        arguments = list(map(str, words))
        with ForkedCommand(arguments, self.environment(**more)) as command:
            printed, remarks = command.communicate(timeout=COMMAND_SECONDS)
            assert command.returncode is not None
            return subprocess.CompletedProcess(arguments, command.returncode, printed, remarks)

    def run_in_new_interpreter(self, *words: str | Path, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run `darkroom …` as `run` does, but with an interpreter that starts in this environment."""
        return subprocess.run(  # noqa: S603 - our own command
            darkroom(words),
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def lines(self, *words: str | Path) -> list[dict[str, Any]]:
        """Return the objects that a successful `darkroom … --json` printed."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def darkroom(words: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "darkroom_client.command", *map(str, words)]


def random_file(path: Path, size_bytes: int, seed: int = 1) -> Path:
    """Write a file in which each mebibyte differs from all others, also from those of another seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = Random(seed).randbytes(min(size_bytes, MEBIBYTE))
    with path.open("wb") as file:
        file.write(block)
        for start in range(MEBIBYTE, size_bytes, MEBIBYTE):
            file.write((start.to_bytes(8, "big") + block[8:])[: size_bytes - start])
    return path


@pytest.fixture(scope="session", autouse=True)
def _fork_server() -> None:
    """The process from which commands are forked."""
    start_fork_server()


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command: list[str | Path] = [
        sys.executable, "-m", "tests.client.scripted_main", str(port), tmp_path_factory.mktemp("storage"),
    ]  # fmt: skip
    with running(command, "Uvicorn running on"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def other_account(service_url: str, tmp_path: Path) -> ScriptedAccount:
    """A registered account without a session."""
    account = ScriptedAccount(service_url, f"{new_ulid().lower()}@example.com", tmp_path / "home")
    account.home.mkdir()
    body = {"email": account.email, "password": PASSWORD}
    httpx.post(f"{service_url}/v1/accounts", json=body, timeout=60, verify=tls_context()).raise_for_status()
    return account


@pytest.fixture
def account(other_account: ScriptedAccount) -> ScriptedAccount:
    """An account that is signed in on the command line."""
    done = other_account.run("login", DARKROOM_EMAIL=other_account.email, DARKROOM_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    return other_account


@pytest.fixture
async def client(other_account: ScriptedAccount) -> AsyncIterator[DarkroomClient]:
    async with DarkroomClient(other_account.url, journal=other_account.home / "uploads.sqlite3") as client:
        await client.sessions.sign_in(other_account.email, PASSWORD)
        yield client
