"""Processes that a drill starts beside `darkroom up`: workers to kill or pause, second apps and second web tiers."""

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
"""Short enough to wait for."""
LONG_LEASE_SECONDS = 60
"""Of a worker that nobody kills or pauses: no machine is so busy that it misses all its heartbeats."""
PLENTY_SECONDS = 120.0
"""For another process to do what it must: among it the third try of an item, half a minute after the second."""
STOP_SECONDS = 60.0
"""More than a worker's grace, for whoever stops one waits longer than that."""
DRILL_SECONDS = 600
"""The limit of a whole drill, above all the waits in it; what hangs is told sooner by the wait that it hangs in."""
POLL_SECONDS = 0.004

WEB_SETTINGS = ("DARKROOM_CDN_URL", "DARKROOM_S3_PUBLIC_ENDPOINT", "DARKROOM_TIER_SECRET")


class Process:
    """It dies with the test run, however that dies."""

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
        """Where a worker keeps the files of its attempts."""
        return self.folder / "scratch" / str(self.pid)

    def words(self) -> str:
        return self._log.read_text(errors="replace")

    def entries(self) -> list[dict[str, Any]]:
        """Its whole log."""
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
        """The next entry with these fields, after the one that was returned last."""
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
        """SIGTERM; the exit code."""
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, STOP_SECONDS)

    def decoders(self) -> list[int]:
        """The media children of a worker, running at this moment."""
        return [child for template in children(self.pid) for child in children(template)]


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


class Processes:
    """Starts them for one drill."""

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
        return self._start(["web"], environment | {"DARKROOM_APP_URL": app.url})

    def _start(self, words: Sequence[str], environment: dict[str, str]) -> Process:
        folder = self._folder / f"{words[-1]}-{len(self.started)}"
        folder.mkdir()
        process = Process(words, environment, folder)
        self.started.append(process)
        return process


@contextmanager
def stopping_processes(app: Mapping[str, str], folder: Path) -> Iterator[Processes]:
    """All of them are stopped at the end; one that does not stop in time fails the drill."""
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
