"""The supervisor's hold on guardian.py: tells it which process groups run, so that none outlives the supervisor."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

GUARDIAN = Path(__file__).parent / "guardian.py"
RESTART_SECONDS = 0.2


class GroupKeeper:
    """The guardian's input is a pipe that only the supervisor holds; its end says that the supervisor is gone."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._guardian: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._guardian = await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.close()
            await self._guardian.wait()

    def watch(self, group: int) -> None:
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def release(self, group: int) -> None:
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    async def stay(self, report: Callable[[str], None]) -> None:
        """Starts the guardian again when it dies; lasts until cancelled."""
        while self._guardian is not None:
            await self._guardian.wait()
            report("guardian died and is being started again.")
            await asyncio.sleep(RESTART_SECONDS)
            self._guardian = await self._start()
            for group in self._groups:
                self._tell(f"+{group}\n")

    def _tell(self, line: str) -> None:
        if self._guardian is not None and self._guardian.stdin is not None and not self._guardian.stdin.is_closing():
            self._guardian.stdin.write(line.encode())  # a few bytes, far below the pipe's size: no drain

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(GUARDIAN)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
