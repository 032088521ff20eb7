"""Sample parts: real processes that serve HTTP, crash or refuse to stop, as a test requests."""

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.part import Part
from local.readiness import responds_to_http
from local.supervisor import Supervisor, TimeLimits
from tests.servers import free_port

SERVER = """
import http.server, signal, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *words):
        pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("serving", flush=True)
if "--with-child" in sys.argv:
    print("child", subprocess.Popen(["sleep", "1000"]).pid, flush=True)
if "--ignores-sigterm" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
QUICK = TimeLimits(crashes=3, first_pause_seconds=0.01, max_pause_seconds=0.02, poll_seconds=0.02)


def a_server(name: str, *options: str, after: tuple[str, ...] = (), stop_seconds: float = 5.0) -> Part:
    port = free_port()
    return Part(
        name,
        (sys.executable, "-c", SERVER, str(port), *options),
        dict(os.environ),
        responds_to_http("127.0.0.1", port),
        after=after,
        stop_seconds=stop_seconds,
    )


def a_command(name: str, code: str, after: tuple[str, ...] = ()) -> Part:
    return Part(name, (sys.executable, "-c", code), dict(os.environ), probe=None, after=after)


@dataclass
class SupervisedParts:
    """A supervisor of sample parts that runs in the test's event loop."""

    supervisor: Supervisor
    task: asyncio.Task[None]
    log_folder: Path
    reports: list[str] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    reported: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_reported(self, words: str) -> str:
        """Return the first report that contains these words."""
        while True:
            for report in self.reports:
                if words in report:
                    return report
            self.reported.clear()
            await self.reported.wait()

    def pid(self, part: str) -> int:
        return self.supervisor.pids()[part]

    async def stop(self) -> None:
        self.supervisor.stop()
        await self.task


def start_supervisor(parts: list[Part], log_folder: Path, time_limits: TimeLimits = QUICK) -> SupervisedParts:
    reports: list[str] = []
    ready, reported = asyncio.Event(), asyncio.Event()

    def report(line: str) -> None:
        reports.append(line)
        reported.set()

    log_folder.mkdir(exist_ok=True)
    supervisor = Supervisor(parts, log_folder, report, time_limits)
    task = asyncio.create_task(supervisor.run(ready.set))
    return SupervisedParts(supervisor, task, log_folder, reports, ready, reported)


def runs(pid: int) -> bool:
    """Return False for a zombie as well: it has ended and only waits for its parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - the kernel sets no Event when a process ends or a file grows
        await asyncio.sleep(0.02)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
