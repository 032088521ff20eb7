"""Cache misses: one lease among all processes, one load that callers join, stored only if nothing has changed."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from app.jobs.isolation import capture
from app.stores.cache.faults import ConnectionLost, ErrorReply
from app.stores.cache.keys import AnyKey, Key
from app.stores.cache.link import Held, Hit, Lease, Link
from app.stores.cache.loading import Load, Loading
from app.stores.cache.timing import Timing
from app.stores.cache.values import decode, encode
from darkroom_shared.problems import Unavailable

T = TypeVar("T")

CONCURRENT_REFRESHES = 4

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _LoadResult:
    """Result of a load. `shared`: callers who joined during the load may take it, too."""

    value: Any = None
    error: Exception | None = None
    present: bool = False
    shared: bool = False


@dataclass(eq=False, slots=True)
class _Flight:
    """A load of one key in progress, which callers may join."""

    joinable: bool = True
    done: asyncio.Future[_LoadResult] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def finish(self, result: _LoadResult) -> None:
        self.joinable = False
        if not self.done.done():
            self.done.set_result(result)


class Misses:
    """Loads missing values. With `always_writer`, no load uses a reader."""

    def __init__(self, loading: Loading, timing: Timing, clock: Callable[[], float], *, always_writer: bool) -> None:
        self._loading, self._timing, self._clock, self._always_writer = loading, timing, clock, always_writer
        self._flights: dict[str, _Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshing: set[str] = set()

    async def close(self) -> None:
        """Cancel all loads; waiting callers get Unavailable."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def resolve(
        self, link: Link, keys: Sequence[Key[T]], load: Load[T], *, refresh: bool = False
    ) -> dict[Key[T], T]:
        """Return the values, except those of a joined load that this caller must not use: it must read these again.

        Raises what `load` raises, Unavailable, and ConnectionLost or ErrorReply if Redis failed.
        """
        own: dict[Key[T], _Flight] = {}
        joined: dict[Key[T], _Flight] = {}
        for key in keys:
            flight = self._flights.get(key.name)
            if flight is not None and self._may_join(flight):
                joined[key] = flight
            else:
                own[key] = self._flights[key.name] = _Flight()
        if own:
            self._start(self._run_load(link, own, load, refresh))
        values: dict[Key[T], T] = {}
        for key, flight in (own | joined).items():
            result = await asyncio.shield(flight.done)
            if key in joined and not self._may_take(result):
                continue
            if result.error is not None:
                raise result.error
            if result.present:
                values[key] = result.value
        return values

    def refresh(self, link: Link, key: Key[T], load: Load[T]) -> None:
        """Refresh in the background, unless the key is being loaded or too many refreshes run (rule 9)."""
        if key.name in self._flights or len(self._refreshing) == CONCURRENT_REFRESHES:
            return
        self._refreshing.add(key.name)
        self._flights[key.name] = flight = _Flight()
        flight.done.add_done_callback(lambda _: self._refreshing.discard(key.name))
        self._start(self._run_load(link, {key: flight}, load, True))

    def _may_join(self, flight: _Flight) -> bool:
        """Return whether a caller may wait for this load (rule 6)."""
        return flight.joinable

    def _may_take(self, result: _LoadResult) -> bool:
        """Return whether a caller who joined during the load may take the result. An outage applies to all (rule 6)."""
        return result.shared or isinstance(result.error, ConnectionLost | ErrorReply | Unavailable)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_load(self, link: Link, flights: Mapping[Key[T], _Flight], load: Load[T], refresh: bool) -> None:
        failed = _LoadResult(error=Unavailable("The service is stopping.", retry_after_seconds=1))
        try:
            error = await capture(self._lease_and_load(link, dict(flights), load, refresh))
            if isinstance(error, Exception):
                failed = _LoadResult(error=error)  # passed to every caller
                if refresh and not isinstance(error, Unavailable | ConnectionLost | ErrorReply):
                    log.warning("cache.not_refreshed", exc_info=error)
        finally:
            for key, flight in flights.items():
                if self._flights.get(key.name) is flight:
                    del self._flights[key.name]
                flight.finish(failed)

    async def _lease_and_load(self, link: Link, waiting: dict[Key[T], _Flight], load: Load[T], refresh: bool) -> None:
        """Lease the keys and load those that no other process has leased, until all have a result (rule 5)."""
        alone_at = time.monotonic() + self._timing.held
        while waiting:
            leased: dict[Key[T], bytes] = {}
            fenced = False
            replies = await link.get_or_lease([key.name for key in waiting], refresh=refresh)
            for (key, flight), reply in zip(list(waiting.items()), replies, strict=True):
                match reply:
                    case Hit(raw):
                        self._take(link, key, flight, raw)
                    case Lease(token, is_fenced):
                        leased[key] = token
                        fenced = fenced or is_fenced
                    case Held(is_fenced):
                        fenced = fenced or is_fenced
                        if refresh:
                            flight.finish(_LoadResult())
            if leased:
                await self._load_and_store(link, waiting, leased, load, fenced=fenced)
            waiting = {key: flight for key, flight in waiting.items() if not flight.done.done()}
            if waiting and time.monotonic() >= alone_at:
                await self._load_alone(link, waiting, load, fenced=fenced)
                return
            if waiting:
                await asyncio.sleep(self._timing.recheck)

    def _take(self, link: Link, key: AnyKey, flight: _Flight, raw: bytes) -> None:
        """Resolve the flight with the stored value, or delete a value that this release cannot decode.

        Callers who joined the flight do not get the value: they came after the command was sent.
        """
        stored = decode(key, raw)
        if stored is None:
            link.drop(key.name)
        else:
            flight.finish(_LoadResult(value=stored.value, present=True))

    async def _load_and_store(
        self,
        link: Link,
        flights: Mapping[Key[T], _Flight],
        leased: Mapping[Key[T], bytes],
        load: Load[T],
        *,
        fenced: bool,
    ) -> None:
        began = time.monotonic()
        try:
            values = await self._loading.load(load, list(leased), from_writer=self._needs_writer(link, fenced))
        except BaseException:
            link.release([(key.name, token) for key, token in leased.items()])
            raise
        took = time.monotonic() - began
        packed = [(key.name, token, *encode(key, values[key], self._clock(), took)) for key, token in leased.items()]
        for key in leased:
            # Rule 6: a change may be acknowledged after Redis stored this value; later reads must not get it.
            flights[key].joinable = False
        try:
            stored = await link.store(packed)
        except ConnectionLost:
            stored = [False] * len(packed)
        for key, shared in zip(leased, stored, strict=True):
            flights[key].finish(_LoadResult(value=values[key], present=True, shared=shared))

    async def _load_alone(self, link: Link, flights: Mapping[Key[T], _Flight], load: Load[T], *, fenced: bool) -> None:
        """Load without the lease, whose holder is slow or crashed. Nothing is stored."""
        values = await self._loading.load(load, list(flights), from_writer=self._needs_writer(link, fenced))
        for key, flight in flights.items():
            flight.finish(_LoadResult(value=values[key], present=True))

    def _needs_writer(self, link: Link, fenced: bool) -> bool:
        return fenced or self._always_writer or not link.is_reader_near()
