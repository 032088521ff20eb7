"""Fails the test that leaks a task, a socket, a process or a Redis key without expiry.

What a fixture of a module or of the session has opened may stay: its sockets, its processes (also when a test has
restarted them), and the tasks that its tasks create during a test. Connections to a server that outlives the test may
stay too, because the services of a module pool them. Python reports connections without an owner as unclosed
resources at the end of the module, and warnings are errors.
"""

import asyncio
import gc
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import pytest
import pytest_asyncio
from redis import Redis

T = TypeVar("T")

GRACE_SECONDS = 2.0
"""For a child that is stopping and a task that is about to end."""
POLL_SECONDS = 0.01
LISTENING = "0A"
"""`TCP_LISTEN` in /proc/net/tcp."""

REDIS_OF_THE_RUN = ("valkey_url", "stores")
"""The fixtures that start a Redis for the run."""

RESERVATION = "@darkroom-test-ports-"
"""The names in /proc/net/unix of sockets that reserve ports for this process until it ends (local/up/darkroom.py)."""

KEYS_WITHOUT_EXPIRY = {
    r"\d+born": "the time at which the cache began in this Redis: one number, which must outlive all values",
}
"""By the pattern of a key: why it needs no expiry."""


@dataclass
class Owned:
    """What fixtures of more than one test have opened in this process."""

    sockets: set[str] = field(default_factory=set)
    processes: dict[int, str] = field(default_factory=dict)
    """Command lines by process id."""
    redis: dict[Redis, int] = field(default_factory=dict)
    """Clients of the run's servers, with the number of keys without expiry that they may hold."""


_owned = Owned()
_test: ContextVar[object] = ContextVar("test")
"""The running test; its tasks inherit it, the tasks of services that were opened earlier do not have it."""
_creators: "WeakKeyDictionary[asyncio.Task[Any], object]" = WeakKeyDictionary()
"""The test in whose context each task was created."""


def pytest_collection_finish() -> None:
    gc.freeze()  # later collections skip the objects of the imports


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Collect no garbage while a failure is formatted.

    A finalizer that fails formats a traceback, which parses source code. If this happens inside another `ast.parse`,
    Python 3.11 raises `SystemError: AST constructor recursion depth mismatch` instead of showing the failure.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    if fixturedef.scope == "function":
        return (yield)
    sockets, processes, outside = _sockets(), _children(), _test.set(None)
    try:
        return (yield)
    finally:
        _test.reset(outside)
        _owned.sockets |= _sockets() - sockets
        _owned.processes |= {pid: _command(pid) for pid in _children() - processes}
        _watch(fixturedef)


def _watch(fixturedef: pytest.FixtureDef[object]) -> None:
    """Register a server of the run, in which keys are checked after each test."""
    if fixturedef.argname in REDIS_OF_THE_RUN and fixturedef.cached_result is not None:
        value = fixturedef.cached_result[0]
        url = value if isinstance(value, str) else str(getattr(value, "valkey", ""))
        _owned.redis[Redis.from_url(url, socket_timeout=10, decode_responses=True)] = 0


def pytest_unconfigure() -> None:
    gc.unfreeze()  # pytest collects once more after this, and reports what was left open
    while _owned.redis:
        _owned.redis.popitem()[0].close()


@pytest.fixture(scope="module", autouse=True)
def _unclosed_resources_of_the_module() -> Iterator[None]:
    yield
    gc.collect()
    gc.freeze()  # what is left belongs to the session; the next module's collection skips it


@pytest_asyncio.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """Check for leaks. Set up before a test's other fixtures, so that it runs after they have closed."""
    test, sockets, processes = object(), _sockets(), _children()
    _test.set(test)
    asyncio.get_running_loop().set_task_factory(_recorded)
    yield
    left = [
        await _still_there("task", lambda: {_name_of(task) for task in _tasks_of(test)}),
        await _still_there("process", lambda: _unowned_processes(_children() - processes)),
        await _still_there("socket", lambda: _unowned(_sockets() - sockets - _owned.sockets), release=gc.collect),
        _keys_without_expiry(),
    ]
    lines = [line for lines in left for line in lines]
    if lines:
        pytest.fail("The test left behind:\n" + "\n".join(lines), pytrace=False)


async def _still_there(
    kind: str, record: Callable[[], set[str]], release: Callable[[], object] | None = None
) -> list[str]:
    """Return a line for each resource that is left after the grace period.

    `release` is called once if there is any: the traceback of an expected error holds the connection that it came by.
    """
    loop = asyncio.get_running_loop()
    if release is not None and record():
        release()
    end = loop.time() + GRACE_SECONDS
    while (left := record()) and loop.time() < end:  # noqa: ASYNC110  # no event of processes and sockets
        await asyncio.sleep(POLL_SECONDS)
    return [f"{kind}: {name}" for name in sorted(left)]


def _recorded(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any
) -> asyncio.Task[T]:
    """Create a task as the loop does without a factory, and record the test that caused it."""
    context: Context | None = options.get("context")
    # Since 3.12 a task factory's type has coroutines only; in 3.11 it has generators, too.
    task = asyncio.Task(cast(Coroutine[Any, Any, T], coroutine), loop=loop, **options)
    _creators[task] = _test.get(None) if context is None else context.get(_test)
    return task


def _tasks_of(test: object) -> "set[asyncio.Task[Any]]":
    this = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not this and _creators.get(task) is test}


def _name_of(task: "asyncio.Task[object]") -> str:
    return f"{task.get_name()} {task.get_coro()}"


def _children() -> set[int]:
    results: set[int] = set()
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208  as in `_sockets`
        try:
            with open(f"/proc/self/task/{thread}/children", "rb", buffering=0) as children:  # noqa: PTH123
                results.update(map(int, children.read().split()))
        except (FileNotFoundError, ProcessLookupError):  # the thread has ended
            continue
    return results


def _unowned_processes(pids: set[int]) -> set[str]:
    """Return the command lines of processes that are neither a fixture's nor such a one that a test restarted."""
    commands = {_command(pid) for pid in pids - _owned.processes.keys()}
    return commands - set(_owned.processes.values())


def _command(pid: int) -> str:
    """Return a process's command line. The kernel sets it a moment after `Popen` returns, and it is empty again once
    the process has ended.
    """
    folder, line = Path(f"/proc/{pid}"), b""
    with suppress(FileNotFoundError, ProcessLookupError):
        while not (line := (folder / "cmdline").read_bytes()) and b"State:\tZ" not in (folder / "status").read_bytes():
            time.sleep(POLL_SECONDS / 10)
    return line.replace(b"\0", b" ").decode(errors="replace").strip() or f"process {pid} has ended"


def _sockets() -> set[str]:
    """Return the inodes of this process's open sockets."""
    results = set()
    for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208  # as fast as possible, twice a test
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        except OSError:
            continue
        if target.startswith("socket:["):
            results.add(target[8:-1])
    return results


def _unowned(inodes: set[str]) -> set[str]:
    """Return the sockets that listen, and the connections of which neither end is a listening server."""
    if not inodes:
        return set()
    rows = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    listening = {row[1].rpartition(":")[2] for row in rows if row[3] == LISTENING}
    left = {}
    for row in rows:
        inode, port, peer = row[9], row[1].rpartition(":")[2], row[2].rpartition(":")[2]
        if inode in inodes and (row[3] == LISTENING or not {port, peer} & listening):
            left[inode] = f"{int(port, 16)} to {int(peer, 16)}"
    known = {row[9] for row in rows} | _reservations()
    unconnected = {f"without a connection ({inode})" for inode in inodes - known}
    return set(left.values()) | unconnected


def _reservations() -> set[str]:
    """Return the inodes of the sockets that reserve ports."""
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return {row[6] for row in rows if row[-1].startswith(RESERVATION)}


def _keys_without_expiry() -> list[str]:
    lines = []
    for client, allowed in _owned.redis.items():
        # The counts cost one request; keys are scanned only where there is a new one.
        counts = client.info("keyspace").get(f"db{client.get_connection_kwargs()['db']}")
        if counts is None or counts["keys"] - counts["expires"] <= allowed:
            continue
        unlimited = [key for key in client.scan_iter(count=1000) if client.ttl(key) == -1]
        leaked = [key for key in unlimited if not any(re.fullmatch(name, key) for name in KEYS_WITHOUT_EXPIRY)]
        _owned.redis[client] = len(unlimited) - len(leaked)
        for key in leaked:
            client.delete(key)  # so that the next test does not fail for it
            lines.append(f"Redis key without expiry: {key}")
    return lines
