"""One running process of a part, in a process group of its own; its output is captured and its whole group is ended."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from local.logs import PartLog

LAUNCHER = Path(__file__).parent / "launch.py"
CHUNK_BYTES = 64 * 1024
OUTPUT_SECONDS = 1.0  # until the pipe of a dead process is drained


class Process:
    """The group of its own shields it from the terminal's Ctrl-C: the supervisor stops the parts, in order."""

    def __init__(self, process: asyncio.subprocess.Process, output: asyncio.Task[None]) -> None:
        self._process = process
        self._output = output

    @classmethod
    async def start(cls, command: tuple[str, ...], environment: Mapping[str, str], log: PartLog) -> Self:
        reading, writing = os.pipe()
        output = asyncio.create_task(_copy_output(reading, log))
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *command),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
        except BaseException:
            output.cancel()
            raise
        finally:
            os.close(writing)
        return cls(process, output)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """Return the exit code, negative for a signal, once its group is dead and its output is captured."""
        code = await self._process.wait()
        self._signal_group(signal.SIGKILL)
        with contextlib.suppress(TimeoutError):  # a process outside the group may hold the pipe
            await asyncio.wait_for(asyncio.shield(self._output), OUTPUT_SECONDS)
        return code

    async def stop(self, grace_seconds: float, kill_now: asyncio.Event) -> bool:
        """Terminate it; kill it after the grace period or when `kill_now` is set. Returns False if it was killed."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        ended, killing = asyncio.create_task(self._process.wait()), asyncio.create_task(kill_now.wait())
        try:
            await asyncio.wait({ended, killing}, timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            killing.cancel()
        terminated = ended.done()
        self._signal_group(signal.SIGKILL)
        await ended
        await self.wait()
        self._output.cancel()
        return terminated

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


async def _copy_output(reading: int, log: PartLog) -> None:
    """Copy the process's output to the log until the other end of the pipe is closed."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
    )
    try:
        while output := await reader.read(CHUNK_BYTES):
            with contextlib.suppress(OSError):  # a full disk must not block the part: its last lines are in memory
                log.write(output)
    finally:
        transport.close()


def describe_end(code: int) -> str:
    """Describe why a process with this return code ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
