"""Starts the processes and injects faults into them, their Redis and their reader.

On the command line: `python -m tests.cache_chaos.chaos [operations] [ablation] [seed]`.
"""

import asyncio
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from app.migrations.run import migrate
from app.stores.aurora import Database
from darkroom_shared.task_group import TaskGroup
from tests.cache_chaos.database import create_tables
from tests.cache_chaos.plan import LAG_SECONDS, PROCESSES, TIMING, ChaosPlan, Orders
from tests.fault_proxy import FaultProxy
from tests.redis_pair import RedisPair, running_redis_pair

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  the run makes its own folder in it
START_SECONDS = 120
BETWEEN_SECONDS = 0.4
EVICT_SECONDS = 0.08
_EVICT = """
math.randomseed(ARGV[1])
for _, kind in ipairs({'*v:*', '*l:*'}) do
  local keys = redis.call('KEYS', kind)
  for _ = 1, math.min(3, #keys) do redis.call('DEL', keys[math.random(#keys)]) end
end
"""
BETWEEN_FAILOVERS_SECONDS = TIMING.permit
"""A server that loses its role and regains it sooner may keep a process that has not polled in between: see
docs/CONSISTENCY.md.
"""
MAX_SPLIT_SECONDS = 1.2
MAX_REPLY_SECONDS = 0.15
"""Replies within the time limit, but long after Redis wrote them. Meanwhile changes are acknowledged, which takes
some tens of milliseconds.
"""
KILLED = 0.3


@dataclass(frozen=True, slots=True)
class Outcome:
    operations: int
    stale: int
    lines: tuple[str, ...]


class Chaos:
    def __init__(self, pair: RedisPair, folder: Path, seed: int, ablation: str | None, *, calm: bool) -> None:
        self._pair, self._folder, self._ablation, self._calm = pair, folder, ablation, calm
        self._chance = random.Random(seed)
        self._plan = ChaosPlan(folder / "plan")
        self._proxies: list[FaultProxy] = []
        self._processes: list[subprocess.Popen[str]] = []
        self._lines: list[str] = []
        self._over = asyncio.Event()
        """Ends every fault. A Redis client that is cut off may swallow a cancellation or leave a socket open."""

    async def run(self, operations: int, seconds: float) -> Outcome:
        """Run until `operations` are done, a read is stale, or `seconds` have passed since the first operation."""
        database = Database(self._url)
        await migrate(self._url)
        await create_tables(database)
        await database.close()
        async with AsyncExitStack() as stack:
            for _ in range(PROCESSES):
                self._proxies.append(await stack.enter_async_context(FaultProxy(self._pair.primary.port)))
            stack.callback(self._end)
            self._processes = [self._start(process) for process in range(PROCESSES)]
            async with TaskGroup() as tasks:
                for fault in self._faults():
                    tasks.create_task(fault)
                await self._watch(operations, seconds)
                self._over.set()
        return Outcome(*self._plan.counted(), tuple(self._lines))

    @property
    def _url(self) -> str:
        return f"sqlite+aiosqlite:///{self._folder / 'chaos.db'}"

    async def _watch(self, operations: int, seconds: float) -> None:
        async with asyncio.timeout(START_SECONDS):
            while not self._plan.counted()[0]:  # noqa: ASYNC110  # another process wakes no event
                await asyncio.sleep(0.1)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            done, stale = self._plan.counted()
            if stale or done >= operations:
                return
            await asyncio.sleep(0.1)

    def _start(self, process: int) -> "subprocess.Popen[str]":
        orders = Orders(
            process,
            self._chance.randrange(2**32),
            f"redis://127.0.0.1:{self._proxies[process].port}/0",
            self._url,
            str(self._folder / "plan"),
            self._ablation,
            self._calm,
        )
        command = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            sys.executable,
            "-m",
            "tests.cache_chaos.process",
            orders.as_text(),
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program

    def _kill(self, process: int) -> None:
        victim = self._processes[process]
        victim.kill()
        self._lines += victim.communicate()[0].splitlines()

    def _end(self) -> None:
        for process in range(PROCESSES):
            self._kill(process)

    def _faults(self) -> list[Coroutine[None, None, None]]:
        """Return the groups of faults, which run concurrently: Redis; processes and connections; the reader;
        evictions.
        """
        if self._calm:
            return []
        return [
            self._inject(self._fail_over, self._fail_over, self._fail_over_swiftly, self._flush),
            self._inject(self._slow_replies, self._slow_replies, self._cut_off, self._pause, self._kill_one),
            self._inject(self._hold_the_reader_back),
            self._evict(),
        ]

    async def _inject(self, *faults: Callable[[], Awaitable[None]]) -> None:
        while not self._over.is_set():
            await self._wait(2 * BETWEEN_SECONDS)
            await self._chance.choice(faults)()

    async def _kill_one(self) -> None:
        """Kill a process, with probability `KILLED` only: a new process costs a second of CPU."""
        if self._chance.random() < KILLED:
            process = self._chance.randrange(PROCESSES)
            self._kill(process)
            self._processes[process] = self._start(process)

    async def _fail_over(self) -> None:
        """Promote the standby, which may miss the last writes. The processes switch to it one after the other."""
        await asyncio.sleep(BETWEEN_FAILOVERS_SECONDS)
        pair, old = self._pair, self._pair.primary
        if self._chance.random() < 0.7:
            await pair.standby.cut_off()
            await self._wait(0.3)
        await pair.promote()
        for proxy in self._chance.sample(self._proxies, PROCESSES):
            await self._wait(MAX_SPLIT_SECONDS / PROCESSES)
            proxy.switch(pair.primary.port)
            if self._chance.random() < 0.5:
                proxy.cut()
        await self._wait(MAX_SPLIT_SECONDS)
        await old.replicate_from(pair.primary)

    async def _fail_over_swiftly(self) -> None:
        """Promote the standby and make the old primary its replica before a process notices; connections stay open."""
        await asyncio.sleep(BETWEEN_FAILOVERS_SECONDS)
        pair, old = self._pair, self._pair.primary
        await pair.standby.cut_off()
        await self._wait(0.2)
        await pair.promote()
        await old.replicate_from(pair.primary)
        for proxy in self._proxies:
            proxy.switch(pair.primary.port)

    async def _evict(self) -> None:
        """Delete values and leases at any time, as Redis does under memory pressure. Fences stay, for they are
        young.
        """
        while not self._over.is_set():
            with suppress(RedisError):
                await self._pair.primary.run("EVAL", _EVICT, 0, self._chance.randrange(2**31))
            await asyncio.sleep(EVICT_SECONDS)

    async def _flush(self) -> None:
        await self._pair.primary.flush()

    async def _slow_replies(self) -> None:
        proxy = self._chance.choice(self._proxies)
        max_wait = MAX_REPLY_SECONDS
        if self._chance.random() < 0.5:
            proxy.latency(self._chance.uniform(0, max_wait), responses_only=True)
        else:
            proxy.latency(self._chance.uniform(0, max_wait / 2))
        await self._wait(0.5)
        proxy.heal()

    async def _cut_off(self) -> None:
        proxy = self._chance.choice(self._proxies)
        proxy.timeout()
        await self._wait(0.8)
        proxy.heal()

    async def _hold_the_reader_back(self) -> None:
        self._plan.frozen_at_ns = time.monotonic_ns() - int(LAG_SECONDS * 1e9)
        await self._wait(2.0)
        self._plan.frozen_at_ns = 0

    async def _pause(self) -> None:
        process = self._chance.choice(self._processes)
        process.send_signal(signal.SIGSTOP)
        await self._wait(0.6)
        process.send_signal(signal.SIGCONT)

    async def _wait(self, max_wait: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._chance.uniform(0, max_wait)):
                await self._over.wait()


async def run_chaos(
    engine: str, operations: int, seconds: float, seed: int, ablation: str | None = None, *, calm: bool = False
) -> Outcome:
    """Start the servers, run the chaos and return its outcome. `seed` selects the faults, not the machine's speed.

    A calm run has no faults but the reader's lag, and longer durations.
    """
    with tempfile.TemporaryDirectory(prefix="darkroom-chaos-", dir=SHARED_MEMORY) as name:
        folder = Path(name)
        with running_redis_pair(engine, folder) as pair:
            await pair.heal()
            return await Chaos(pair, folder, seed, ablation, calm=calm).run(operations, seconds)


def main(arguments: list[str]) -> None:
    operations = int(arguments[0]) if arguments else 100_000
    ablation = arguments[1] if len(arguments) > 1 else None
    seed = int(arguments[2]) if len(arguments) > 2 else random.SystemRandom().randrange(2**32)
    began = time.monotonic()
    outcome = asyncio.run(run_chaos("valkey", operations, 600, seed, ablation))
    took = time.monotonic() - began
    lines = [
        f"seed {seed}: {outcome.operations} operations, {outcome.stale} stale reads, {took:.0f} s",
        *outcome.lines[:5],
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
