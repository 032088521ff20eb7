"""What the processes send to Redis: keys, channels, messages, and the JSON form of cached values."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any

from redis.asyncio import Redis

from app.events.service import stream
from app.stores import signals
from app.stores.cache import link
from app.stores.cache.keys import Entry, Key, Kind
from app.stores.cache.outbox import Generation
from app.stores.cache.scripts import SCRIPTS
from app.stores.cache.timing import Timing
from app.stores.cache.values import HEADER
from app.stores.presence_registry import PresenceRegistry
from app.stores.signals import Limit
from darkroom_shared.admin import AWS_ERRORS_REGISTRY, WORKERS_REGISTRY, ProcessErrors, WorkerSeen
from darkroom_shared.events import Progress
from tests.golden.code import functions, functions_returning, modules, values_of
from tests.golden.flat import merged, of_json, text_of
from tests.golden.full_values import arguments, full
from tests.golden.schemas import members


async def redis_keys() -> str:
    lines = [
        *(f"cached value  {name}" for name in _cached_names()),
        *(f"limit  {limit.key('CLIENT')}  {limit.maximum} in {limit.per_seconds} s" for limit in values_of(Limit)),
        *(f"cache  {command}" for command in await _cache_commands()),
        f"cache  header of a value  {HEADER.format}",
        *[f"board  {key}" for key in await _registry_keys()],
        *(f"channel  {channel}" for channel in _channels()),
        *merged("channel  progress:", of_json(full(Progress).model_dump(mode="json"))),
        *merged(f"board  {WORKERS_REGISTRY}", of_json(full(WorkerSeen).model_dump(mode="json"))),
        *merged(f"board  {AWS_ERRORS_REGISTRY}", of_json(full(ProcessErrors).model_dump(mode="json"))),
    ]
    return text_of(lines)


def cached_values() -> str:
    """Return a line for each JSON member of each cached value; a value's version must increase if one changes."""
    lines = [
        f"{kind.entry.name} version {kind.entry.version}  {member}"
        for kind in values_of(Kind)
        for member in members(kind.shape.json_schema(mode="serialization"))
    ]
    entries = [
        f"{entry.name} version {entry.version}  lives {entry.seconds} s"
        f"{', decides access' if entry.decides_access else ''}"
        for entry in values_of(Entry)
    ]
    return text_of([*lines, *entries])


def _cached_names() -> Iterator[str]:
    for module in modules():
        for function in functions_returning(Key, module):
            if function.__annotations__.keys() > {"return"}:
                key: Key[Any] = function(**arguments(function))
                yield key.name


def _channels() -> Iterator[str]:
    yield signals._BROADCAST
    for function in functions(stream):
        if function.__annotations__.get("return") is str and len(function.__annotations__) == 2:
            yield function(**arguments(function))


class _Connection:
    """Replaces the connection to Redis and records what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = asyncio.Event()

    def send(self, commands: bytes, count: int) -> "asyncio.Future[list[Any]]":
        self.sent.append(commands)
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        done.set_result([[b"value"]] * count)
        return done

    async def request(self, *words: bytes) -> None:
        return


async def _cache_commands() -> set[str]:
    """Return the commands for generation 5 and the value NAME; for scripts, their purpose and their keys."""
    connection = _Connection()
    cache = link.Link(connection, Generation(5, "replication"), SCRIPTS, Timing())  # type: ignore[arg-type]  # as above
    await cache.read(["NAME"])
    await cache.get_or_lease(["NAME"])
    await cache.store([("NAME", b"token", b"value", 300.0)])
    await cache.invalidate(["NAME"])
    cache.drop("NAME")
    scripts = {
        link._digest(SCRIPTS.get_or_lease).decode(): "get or lease",
        link._digest(SCRIPTS.store).decode(): "store",
        link._digest(SCRIPTS.invalidate).decode(): "invalidate",
    }
    results = {tuple(words) for sent in connection.sent for words in _commands(sent)}
    return {
        f"{scripts[words[1]]}  {' '.join(words[3 : 3 + int(words[2])])}" if words[1] in scripts else " ".join(words)
        for words in results
    }


def _commands(sent: bytes) -> Iterator[list[str]]:
    """Split a RESP request into the words of each command."""
    rest = sent
    while rest:
        head, _, rest = rest.partition(b"\r\n")
        words = []
        for _ in range(int(head[1:])):
            length, _, rest = rest.partition(b"\r\n")
            size = int(length[1:])
            words.append(rest[:size].decode(errors="replace"))
            rest = rest[size + 2 :]
        yield words


class _Redis:
    """Replaces redis-py's client and records the keys of scripts."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def eval(self, _script: str, count: int, *words: Any) -> list[Any]:
        self.keys += words[:count]
        return []


async def _registry_keys() -> list[str]:
    async def request(call: Awaitable[Any], _seconds: float) -> Any:
        return await call

    redis: Redis = _Redis()  # type: ignore[assignment]  # only `eval` is used
    registry = PresenceRegistry(redis, request)
    for name in (WORKERS_REGISTRY, AWS_ERRORS_REGISTRY):
        await registry.post(name, "notice", seconds=60)
        await registry.read(name)
    return redis.keys  # type: ignore[return-value]  # of the class above
