"""Start the parts in order of their dependencies, restart those that exit, and stop them in reverse order."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from darkroom_shared.task_group import TaskGroup, unwrapped
from local.group_keeper import GroupKeeper
from local.logs import PartLog
from local.part import NotPrepared, Part
from local.process import Process, describe_end
from local.startup_error import ExitCode, StartupError

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """The tolerated number of crashes, and the pauses of polling and restarting."""

    crashes: int = 5  # more within the window stop everything: endless restarts would hide the cause
    window_seconds: float = 60.0
    first_pause_seconds: float = 0.2
    max_pause_seconds: float = 5.0
    poll_seconds: float = 0.05


class Supervisor:
    """`run` lasts until `stop` is called, or until a part crashes too often and StartupError is raised."""

    def __init__(
        self, parts: Sequence[Part], log_folder: Path, report: Report, time_limits: TimeLimits | None = None
    ) -> None:
        self._parts = tuple(parts)
        self._log_folder = log_folder
        self._logs: dict[str, PartLog] = {}
        self._report = report
        self._time_limits = time_limits or TimeLimits()
        names = {part.name for part in self._parts}
        self._needs = {part.name: tuple(name for name in part.after if name in names) for part in self._parts}
        self._ready = {part.name: asyncio.Event() for part in self._parts}
        self._ended = {part.name: asyncio.Event() for part in self._parts}
        self._processes: dict[str, Process] = {}
        self._reported: dict[str, str] = {}
        self._stopping = asyncio.Event()
        self._kill_now = asyncio.Event()

    def stop(self) -> None:
        """Stop all parts: gracefully on the first call, immediately on the second."""
        if self._stopping.is_set():
            self._kill_now.set()
        self._stopping.set()

    def pids(self) -> dict[str, int]:
        """Return the process id of each running part."""
        return {name: process.pid for name, process in self._processes.items()}

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Run the parts. `on_ready` is called once, when all parts are ready for the first time."""
        with ExitStack() as logs:
            for part in self._parts:
                log = PartLog(self._log_folder / f"{part.name}.log")
                self._logs[part.name] = logs.enter_context(closing(log))
            async with GroupKeeper() as keeper:
                try:
                    await self._keep_all(keeper, on_ready)
                finally:
                    await self._stop_all(keeper)

    async def _keep_all(self, keeper: GroupKeeper, on_ready: Callable[[], None]) -> None:
        with unwrapped(StartupError):  # the first is the cause, the others follow from it
            async with TaskGroup() as group:
                tasks = [group.create_task(self._keep(part, keeper)) for part in self._parts]
                tasks.append(group.create_task(self._announce(on_ready)))
                tasks.append(group.create_task(keeper.stay(self._report)))
                await self._stopping.wait()
                for task in tasks:
                    task.cancel()

    async def _announce(self, on_ready: Callable[[], None]) -> None:
        for ready in self._ready.values():
            await ready.wait()
        on_ready()

    async def _keep(self, part: Part, keeper: GroupKeeper) -> None:
        """Start the part when its dependencies are ready, and again whenever it exits, until cancelled."""
        for need in self._needs[part.name]:
            await self._ready[need].wait()
        log = self._logs[part.name]
        crashes: deque[float] = deque(maxlen=self._time_limits.crashes)
        while (reason := await self._run_once(part, keeper, log)) is not None:
            crashes.append(time.monotonic())
            self._give_up_or_report(part, reason, log, crashes)
            await asyncio.sleep(self._pause_seconds(crashes))

    async def _run_once(self, part: Part, keeper: GroupKeeper, log: PartLog) -> str | None:
        """Run the part's process once; return why it ended, or None for a part that is done."""
        log.clear_lines()
        process = await Process.start(part.command, part.environment, log)
        self._processes[part.name] = process
        keeper.watch(process.pid)
        ended = asyncio.create_task(process.wait())
        try:
            reason = await self._become_ready(part, ended)
            if reason is not None:
                await process.stop(0.0, self._kill_now)
            elif not ended.done():
                self._report_ready(part)
            code = await ended
        finally:
            ended.cancel()
        self._processes.pop(part.name)
        keeper.release(process.pid)
        return None if part.probe is None and code == 0 else reason or describe_end(code)

    def _report_ready(self, part: Part) -> None:
        if self._ready[part.name].is_set():
            self._report(f"{part.name} is ready again.")
        self._ready[part.name].set()

    async def _become_ready(self, part: Part, ended: asyncio.Task[int]) -> str | None:
        """Return None if the part is ready or has exited by itself, otherwise why it must be stopped."""
        try:
            async with asyncio.timeout(part.ready_seconds):
                while not ended.done() and (part.probe is None or not await part.probe()):
                    await asyncio.wait({ended}, timeout=self._time_limits.poll_seconds)
                if not ended.done() or (part.probe is None and ended.result() == 0):
                    await part.prepare()
        except TimeoutError:
            return f"not ready within {part.ready_seconds:.0f} s"
        except NotPrepared as error:
            return str(error)
        if part.probe is None and ended.result() == 0:
            self._ready[part.name].set()
        return None

    def _give_up_or_report(self, part: Part, reason: str, log: PartLog, crashes: deque[float]) -> None:
        lines = "\n".join(f"    {line}" for line in log.last_lines) or "    (none)"
        exit_reason = f"{part.name} failed ({reason})."
        description = f"{exit_reason} Its last lines, of {log.path}:\n{lines}"
        if part.probe is None:
            raise StartupError(description, ExitCode.PART_FAILED)
        window = self._time_limits.window_seconds
        if len(crashes) == self._time_limits.crashes and crashes[-1] - crashes[0] < window:
            line = f"Stopping everything: {part.name} failed {len(crashes)} times within {window:.0f} s."
            raise StartupError(f"{description}\n{line}", ExitCode.PART_FAILED)
        if lines == self._reported.get(part.name):
            description = f"{exit_reason} Its last lines are the same as before."
        self._reported[part.name] = lines
        self._report(f"{description}\n{part.name} is being started again.")

    def _pause_seconds(self, crashes: deque[float]) -> float:
        recent = sum(1 for crashed_at in crashes if crashed_at > time.monotonic() - self._time_limits.window_seconds)
        pause_seconds: float = self._time_limits.first_pause_seconds * 2 ** (recent - 1)
        return min(pause_seconds, self._time_limits.max_pause_seconds)

    async def _stop_all(self, keeper: GroupKeeper) -> None:
        async with TaskGroup() as group:
            for part in self._parts:
                group.create_task(self._stop(part, keeper))

    async def _stop(self, part: Part, keeper: GroupKeeper) -> None:
        for user in self._parts:
            if part.name in self._needs[user.name]:
                await self._ended[user.name].wait()
        process = self._processes.pop(part.name, None)
        if process is not None:
            if not await process.stop(part.stop_seconds, self._kill_now) and not self._kill_now.is_set():
                self._report(f"{part.name} did not stop within {part.stop_seconds:.0f} s and was killed.")
            keeper.release(process.pid)
        self._ended[part.name].set()
