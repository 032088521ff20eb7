"""Processes that a drill starts beside `darkroom up`: workers to kill or pause, more apps and more web tiers."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.drills.installation import outer_environment
from tests.servers import free_port

LEASE_SECONDS = 6
"""Short enough for a test to wait for."""
LONG_LEASE_SECONDS = 60
"""For a worker that is neither killed nor paused: even a busy machine does not miss all its heartbeats."""
PLENTY_SECONDS = 120.0
"""Time for another process to do its work, including the third attempt of an item, 30 s after the second."""
STOP_SECONDS = 60.0
"""Longer than a worker's grace period, which SIGTERM may use completely."""
DRILL_SECONDS = 600
"""Limit of a whole drill, longer than the waits in it, so that a wait that hangs fails first and names itself."""
POLL_SECONDS = 0.004

WEB_SETTINGS = (
    "DARKROOM_CDN_URL",
    "DARKROOM_S3_PUBLIC_ENDPOINT",
    "DARKROOM_BUCKET",
    "AWS_REGION",
    "DARKROOM_TIER_SECRET",
)


class Process:
    """A process that is killed when the test run ends, even if the test run crashes."""

    def __init__(self, words: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self._log = folder / "log"
        self._read_to = 0
        with self._log.open("wb") as log:
            own = {"DARKROOM_LISTEN_PORT": str(self.port), "DARKROOM_SCRATCH_FOLDER": str(folder / "scratch")}
            self.process = subprocess.Popen(  # noqa: S603  # our own program
                ["/usr/bin/setpriv", "--pdeathsig", "KILL", sys.executable, "-m", *words],
                env=outer_environment() | environment | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def scratch(self) -> Path:
        """The folder in which a worker keeps the files of its attempts."""
        return self.folder / "scratch" / str(self.pid)

    def words(self) -> str:
        return self._log.read_text(errors="replace")

    def entries(self) -> list[dict[str, Any]]:
        """Return all entries of its log."""
        return [json.loads(line) for line in self.words().splitlines() if line.startswith("{")]

    async def ready(self) -> None:
        async with asyncio.timeout(PLENTY_SECONDS), httpx.AsyncClient(timeout=60) as http:
            while True:
                assert self.process.poll() is None, self.words()
                try:
                    if (await http.get(f"{self.url}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def logged(self, event: str, **fields: object) -> dict[str, Any]:
        """Return the next entry with these fields, after the entry that was returned last."""
        expected = fields | {"event": event}
        async with asyncio.timeout(PLENTY_SECONDS):
            while True:
                lines = self._log.read_bytes()[self._read_to :].splitlines(keepends=True)
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    self._read_to += len(line)
                    entry = json.loads(line) if line.startswith(b"{") else {}
                    if expected.items() <= entry.items():
                        return entry
                assert self.process.poll() is None, self.words()
                await asyncio.sleep(POLL_SECONDS)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, STOP_SECONDS)

    def decoders(self) -> list[int]:
        """Return the process ids of a worker's running media children."""
        return [child for template in children(self.pid) for child in children(template)]


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


class Processes:
    """Starts the processes of one drill."""

    def __init__(self, app: Mapping[str, str], folder: Path) -> None:
        self._app, self._folder = app, folder
        self.started: list[Process] = []

    def worker(self, *, slots: int = 2, lease_seconds: int = LEASE_SECONDS, **settings: str) -> Process:
        own = {"DARKROOM_LEASE_SECONDS": str(lease_seconds), "DARKROOM_WORKER_SLOTS": str(slots)}
        return self._start(["app", "worker"], dict(self._app) | own | settings)

    def app(self, **settings: str) -> Process:
        return self._start(["app", "serve"], dict(self._app) | {"DARKROOM_REGISTRATION": "open"} | settings)

    def web(self, app: Process) -> Process:
        environment = {name: self._app[name] for name in WEB_SETTINGS}
        return self._start(["web"], environment | {"DARKROOM_APP_URL": app.url, "DARKROOM_TRUSTED_PROXIES": "none"})

    def _start(self, words: Sequence[str], environment: dict[str, str]) -> Process:
        folder = self._folder / f"{words[-1]}-{len(self.started)}"
        folder.mkdir()
        process = Process(words, environment, folder)
        self.started.append(process)
        return process


@contextmanager
def stopping_processes(app: Mapping[str, str], folder: Path) -> Iterator[Processes]:
    """Yield a factory of processes and stop them at the end. Fails if one does not stop in time."""
    processes = Processes(app, folder)
    try:
        yield processes
    finally:
        running = [each.process for each in processes.started if each.process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            for process in running:
                process.wait(STOP_SECONDS)
        finally:
            for process in running:
                process.kill()
                process.wait()
