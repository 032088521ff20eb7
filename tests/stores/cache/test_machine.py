"""Reads, slow loads, changes and losses in any order: no read is older than what was acknowledged before it."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy.ext.asyncio import AsyncConnection

from darkroom_shared.ids import new_ulid
from tests.redis_pair import RedisNode, RedisPair
from tests.stores.cache.cache_harness import NUMBER, STEADY, CacheHarness, Process, numbers_of, open_harness, put

KEYS = 3
SETTLED_SECONDS = 0.004
"""By then, work that can proceed without another event has done so."""
SELDOM = replace(STEADY, poll=150, permit=150, held=0.01, recheck=0.001)
"""Polls so rarely that a relay runs only when a rule runs it."""

keys, processes = st.integers(0, KEYS - 1), st.sampled_from([0, 1])


@dataclass(eq=False)
class World:
    """Two processes on one database and one Redis, shared by all state machines; each has keys of its own."""

    runner: asyncio.Runner
    harness: CacheHarness
    redis: RedisNode
    processes: list[Process]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)


@dataclass(eq=False, slots=True)
class Read:
    key: int
    least: int
    """The version that had been acknowledged when the read began."""
    task: asyncio.Task[int]


class CacheMachine(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world, self._name = world, new_ulid()
        self._written, self._acknowledged, self._seen_by_reader = [0] * KEYS, [0] * KEYS, [0] * KEYS
        self._reads: list[Read] = []
        self._loads: list[asyncio.Event] = []
        for process in world.processes:
            process.reader.frozen_at = {}

    def teardown(self) -> None:
        while self._loads:
            self._end_load(0)
        self._world.run(self._agree())

    @rule(process=processes, key=keys)
    def begin_to_read(self, process: int, key: int) -> None:
        self._world.run(self._begin_to_read(self._world.processes[process], key))

    @rule(chosen=st.integers(0, 10))
    def a_load_ends(self, chosen: int) -> None:
        if self._loads:  # no precondition: the number of loads depends on time, too
            self._end_load(chosen % len(self._loads))

    @rule(process=processes, key=keys)
    def change(self, process: int, key: int) -> None:
        self._world.run(self._change(self._world.processes[process], key))
        self._acknowledged[key] = self._written[key]

    @rule(key=keys)
    def a_writer_crashes_after_its_commit(self, key: int) -> None:
        self._world.run(self._commit_and_crash(key))

    @rule(process=processes)
    def a_relay_runs(self, process: int) -> None:
        self._world.run(self._relay(self._world.processes[process]))

    @rule()
    def the_reader_catches_up(self) -> None:
        self._seen_by_reader = list(self._written)
        for process in self._world.processes:
            process.reader.frozen_at = {self._full(key): self._written[key] for key in range(KEYS)}

    @rule(key=keys)
    def a_value_is_evicted(self, key: int) -> None:
        self._world.run(self._redis("DEL", self._in_redis("v", key)))

    @precondition(lambda self: self._seen_by_reader == self._written)
    @rule()
    def all_fences_lapse(self) -> None:
        """Fences outlive the reader's lag: when they lapse, the reader has every fenced change."""
        self._world.run(self._redis("DEL", *(self._in_redis("f", key) for key in range(KEYS))))
        self._world.run(self._redis("SET", f"{self._generation}born", 1))

    @rule(key=keys)
    def a_lease_lapses(self, key: int) -> None:
        self._world.run(self._redis("DEL", self._in_redis("l", key)))

    @rule()
    def redis_is_flushed(self) -> None:
        self._world.run(self._world.redis.flush())

    @rule(process=processes)
    def a_process_is_disconnected(self, process: int) -> None:
        self._world.run(self._disconnect(self._world.processes[process]))

    def _full(self, key: int) -> str:
        return f"{self._name}-{key}"

    @property
    def _generation(self) -> int:
        link = self._world.processes[0].cache.relay.link
        assert link is not None
        return link.generation.number

    def _in_redis(self, kind: str, key: int) -> str:
        return f"{self._generation}{kind}:{NUMBER.key(self._full(key)).name}"

    async def _redis(self, *command: str | int) -> None:
        await self._world.redis.run(*command)

    async def _begin_to_read(self, process: Process, key: int) -> None:
        async def load(connection: AsyncConnection) -> int:
            number = (await numbers_of(connection, [self._full(key)]))[self._full(key)]
            may_end = asyncio.Event()
            self._loads.append(may_end)
            await may_end.wait()
            return number

        reading = asyncio.create_task(process.cache.get(NUMBER.key(self._full(key)), load))
        self._reads.append(Read(key, self._acknowledged[key], reading))
        await self._poll()

    def _end_load(self, chosen: int) -> None:
        self._loads.pop(chosen).set()
        self._world.run(self._poll())

    async def _poll(self) -> None:
        await asyncio.sleep(SETTLED_SECONDS)
        for read in [read for read in self._reads if read.task.done()]:
            self._reads.remove(read)
            assert read.task.result() >= read.least

    async def _change(self, process: Process, key: int) -> None:
        self._written[key] += 1
        async with process.cache.change(NUMBER.key(self._full(key))) as unit:
            await put(unit.connection, self._full(key), self._written[key])

    async def _commit_and_crash(self, key: int) -> None:
        self._written[key] += 1
        changes = self._world.processes[0].cache._changes
        async with self._world.harness.database.writer.write() as connection:
            await put(connection, self._full(key), self._written[key])
            await changes._outbox.add(connection, [NUMBER.key(self._full(key)).name])

    async def _relay(self, process: Process) -> None:
        link = process.cache.relay.link
        if link is not None:
            await process.cache.relay._renew(link)
        await self._poll()

    async def _disconnect(self, process: Process) -> None:
        link = process.cache.relay.link
        if link is not None:
            link.connection.close("disconnected by the test")
        await self._poll()
        await process.permitted()

    async def _agree(self) -> None:
        """Finish all reads; then every process reads the values of the database."""
        while self._reads or self._loads:
            while self._loads:
                self._loads.pop().set()
            await self._poll()
        for process in self._world.processes:
            await self._relay(process)
            for key in range(KEYS):
                assert await process.read(self._full(key)) == self._written[key]


@pytest.fixture(params=["valkey_servers", "debian_redis_servers"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    pair: RedisPair = request.getfixturevalue(request.param)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        runner.run(pair.heal())
        try:
            yield World(runner, *runner.run(_open(stack, tmp_path, pair)))
        finally:
            runner.run(stack.aclose())


async def _open(stack: AsyncExitStack, folder: Path, pair: RedisPair) -> tuple[CacheHarness, RedisNode, list[Process]]:
    harness = await stack.enter_async_context(open_harness(f"sqlite+aiosqlite:///{folder / 'cache.db'}"))
    return harness, pair.primary, [await harness.process(pair.primary.url, SELDOM) for _ in range(2)]


def _run(world: World, examples: int, steps: int) -> None:
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: CacheMachine(world), settings=limits)  # type: ignore[arg-type]


@pytest.mark.parametrize("examples", [15, pytest.param(50, marks=pytest.mark.tier("full", "more orders"))])
def test_no_read_is_older_than_the_last_acknowledged_change(world: World, examples: int) -> None:
    _run(world, examples, steps=25)


@pytest.mark.tier("all", "long runs")
@pytest.mark.timeout(1800)
def test_no_read_is_older_than_the_last_acknowledged_change_in_thousands_of_orders(world: World) -> None:
    _run(world, examples=2000, steps=50)
