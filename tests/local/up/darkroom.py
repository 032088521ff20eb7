"""Run `darkroom up` as a user starts it: a process with its own folder and ports."""

import asyncio
import atexit
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = (sys.executable, "-m", "local")


def three_free_ports() -> int:
    """Return the first of three consecutive free loopback ports, which no other test process gets."""
    for first in range(20_000, 32_000, 3):
        reservation = socket.socket(socket.AF_UNIX)
        try:
            # An abstract socket address has one owner at a time and is released when its process ends, even by a crash.
            reservation.bind(f"\0darkroom-test-ports-{first}")
            for port in range(first, first + 3):
                with socket.socket() as candidate:
                    candidate.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        atexit.register(reservation.close)
        return first
    raise AssertionError("no three neighbouring ports are free")


def environment(folder: Path, port: int, **settings: str) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("DARKROOM_", "AWS_"))}
    return outer | {"DARKROOM_DATA": str(folder), "DARKROOM_PORT": str(port)} | settings


async def refused(folder: Path, port: int, **settings: str) -> tuple[int, str]:
    """Return the exit code and the error output of a start that fails."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, env=environment(folder, port, **settings), stderr=asyncio.subprocess.PIPE
    )
    _, words = await process.communicate()
    assert process.returncode is not None
    return process.returncode, words.decode()


@dataclass
class Running:
    process: asyncio.subprocess.Process
    folder: Path
    port: int
    output: list[str] = field(default_factory=list)

    async def until_printed(self, words: str) -> str:
        """Return the next line of output that contains these words."""
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.output.append(line)
            if words in line:
                return line
        raise AssertionError(f"it ended without printing {words!r}:\n{''.join(self.output)}")

    async def until_ready(self) -> None:
        await self.until_printed(f"Darkroom is ready at http://127.0.0.1:{self.port}\n")

    def pids(self) -> dict[str, int]:
        """Return the process id of each part, which is identified by its command."""
        values = {}
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            values[_part_name(Path(f"/proc/{child}/cmdline").read_text().split("\0"))] = int(child)
        return values

    async def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        assert self.process.stdout is not None
        self.output.append((await self.process.stdout.read()).decode())
        return await self.process.wait()


def _part_name(command: list[str]) -> str:
    words = " ".join(command)
    for words_of_it, name in (
        ("watchdog.py", "watchdog"),
        ("valkey-server", "valkey"),
        ("emulator/main.py", "emulator"),
        ("-m local.", command[3].removeprefix("local.") if len(command) > 3 else ""),
        ("-m app serve", "app"),
        ("-m app worker", "worker"),
        ("-m web", "web"),
    ):
        if words_of_it in words:
            return name
    return words


@asynccontextmanager
async def running(folder: Path, port: int, **settings: str) -> AsyncIterator[Running]:
    """Run it for the block; kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        env=environment(folder, port, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Running(process, folder, port)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
