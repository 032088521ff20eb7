"""Report the supervisor's process groups to watchdog.py, so that none outlives the supervisor."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

WATCHDOG = Path(__file__).parent / "watchdog.py"
RESTART_SECONDS = 0.2


class GroupKeeper:
    """The watchdog's stdin is a pipe that only the supervisor holds; its end means that the supervisor is gone."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._watchdog: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._watchdog = await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            await self._watchdog.wait()

    def watch(self, group: int) -> None:
        self._groups.add(group)
        self._send(f"+{group}\n")

    def release(self, group: int) -> None:
        self._groups.discard(group)
        self._send(f"-{group}\n")

    async def stay(self, report: Callable[[str], None]) -> None:
        """Restart the watchdog whenever it exits; run until cancelled."""
        while self._watchdog is not None:
            await self._watchdog.wait()
            report("watchdog exited and is being started again.")
            await asyncio.sleep(RESTART_SECONDS)
            self._watchdog = await self._start()
            for group in self._groups:
                self._send(f"+{group}\n")

    def _send(self, line: str) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None and not self._watchdog.stdin.is_closing():
            self._watchdog.stdin.write(line.encode())  # a few bytes, far below the pipe's buffer: no drain needed

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(WATCHDOG)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
