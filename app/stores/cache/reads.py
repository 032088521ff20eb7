"""The path of a read: a hit, else a miss, else the fallbacks while Redis or the database is unavailable."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from app.stores.cache.counts import ReadCounts
from app.stores.cache.faults import ConnectionLost, ErrorReply
from app.stores.cache.keys import Key
from app.stores.cache.link import NO_REPLY, Link, Raw
from app.stores.cache.loading import Load, Loading
from app.stores.cache.misses import Misses
from app.stores.cache.relay import Relay
from app.stores.cache.values import Stored, decode
from darkroom_shared.problems import Unavailable

T = TypeVar("T")


class Reads:
    """Reads of cached values. Raises what a loader raises, and Unavailable, but no error of Redis."""

    def __init__(
        self, relay: Relay, misses: Misses, loading: Loading, clock: Callable[[], float], *, always_writer: bool
    ) -> None:
        self._relay, self._misses, self._loading = relay, misses, loading
        self._clock, self._always_writer = clock, always_writer
        self.counts = ReadCounts()

    async def one(self, key: Key[T], load: Load[T]) -> T:
        """Return the cached value if it is fresh and the process has a permit; otherwise load it."""
        link = self._relay.permitted()  # Rule 4: at the call
        raws = await link.read((key.name,)) if link is not None else (NO_REPLY,)
        if link is not None and (stored := self._fresh(link, key, raws[0], load)) is not None:
            value: T = stored.value
            self.counts.hits += 1
            return value
        return (await self._find([key], load, link, raws))[key]

    async def many(self, keys: Sequence[Key[T]], load: Load[T]) -> dict[Key[T], T]:
        """Return all values from one moment: from the cache if all keys are hits, otherwise from one load."""
        link, raws = await self._read_stored(keys)
        hits = self._hits(link, keys, raws, load) if link is not None else None
        return hits or await self._find(keys, load, link, raws)

    def _hits(self, link: Link, keys: Sequence[Key[T]], raws: Sequence[Raw], load: Load[T]) -> dict[Key[T], T] | None:
        """Return the values, or None unless all keys are hits."""
        values: dict[Key[T], T] = {}
        for key, raw in zip(keys, raws, strict=True):
            stored = self._fresh(link, key, raw, load)
            if stored is None:
                return None
            values[key] = stored.value
        self.counts.hits += len(values)
        return values

    async def _read_stored(self, keys: Sequence[Key[T]]) -> tuple[Link | None, Sequence[Raw]]:
        """Return the permitted link and what Redis has for the keys, or None and nothing without a permit."""
        link = self._relay.permitted()
        return link, await link.read([key.name for key in keys]) if link is not None and keys else []

    def _fresh(self, link: Link, key: Key[T], raw: Raw, load: Load[T]) -> Stored | None:
        stored = decode(key, raw) if isinstance(raw, bytes) else None
        now = self._clock()
        if stored is None or stored.is_expired(now):
            return None
        if stored.is_due(now):
            self._misses.refresh(link, key, load)
        return stored

    async def _find(
        self, keys: Sequence[Key[T]], load: Load[T], link: Link | None, raws: Sequence[Raw]
    ) -> dict[Key[T], T]:
        """Return a value per key; load again the keys whose value must not be used because it came too late."""
        values: dict[Key[T], T] = {}
        missing = list(keys)
        while missing:
            if link is None or NO_REPLY in raws:
                return values | await self._without_permit(missing, load)
            try:
                values |= await self._from_link(link, dict(zip(missing, raws, strict=True)), load)
            except (ConnectionLost, ErrorReply):
                return values | await self._without_permit(missing, load)
            missing = [key for key in missing if key not in values]
            link, raws = await self._read_stored(missing)
        return values

    async def _from_link(self, link: Link, raws: Mapping[Key[T], Raw], load: Load[T]) -> dict[Key[T], T]:
        values: dict[Key[T], T] = {}
        expired: dict[Key[T], T] = {}
        absent: list[Key[T]] = []
        for key, raw in raws.items():
            stored = decode(key, raw) if isinstance(raw, bytes) else None
            if stored is not None and self._fresh(link, key, raw, load) is not None:
                values[key] = stored.value
            elif stored is not None:
                expired[key] = stored.value
            else:
                absent.append(key)
                if raw is not None:
                    link.drop(key.name)  # unreadable for this release
        self.counts.hits += len(values)
        self.counts.misses += len(expired) + len(absent)
        if expired:
            values |= expired | await self._renewed(link, expired, load)
        if absent:
            values |= await self._misses.resolve(link, absent, load)
        return values

    async def _renewed(self, link: Link, expired: Mapping[Key[T], T], load: Load[T]) -> dict[Key[T], T]:
        """Reload expired values; where that fails, the old ones are served (rule 10).

        They miss no acknowledged change: it would have deleted them.
        """
        try:
            return await self._misses.resolve(link, list(expired), load, refresh=True)
        except (Unavailable, ConnectionLost, ErrorReply):
            return {}

    async def _without_permit(self, keys: Sequence[Key[T]], load: Load[T]) -> dict[Key[T], T]:
        """Load without Redis (rule 11).

        If the database is unavailable, too, return what Redis still has, unless a key decides access (rule 10).
        """
        self.counts.bypasses += len(keys)
        decides_access = any(key.kind.entry.decides_access for key in keys)
        try:
            return await self._loading.load(load, keys, from_writer=decides_access or self._always_writer)
        except Unavailable:
            values = {} if decides_access else await self._left_in_redis(keys)
            if len(values) < len(keys):
                raise
            return values

    async def _left_in_redis(self, keys: Sequence[Key[T]]) -> dict[Key[T], T]:
        link = self._relay.link
        if link is None:
            return {}
        raws = await link.read([key.name for key in keys])
        stored = {key: decode(key, raw) for key, raw in zip(keys, raws, strict=True) if isinstance(raw, bytes)}
        return {key: each.value for key, each in stored.items() if each is not None}
