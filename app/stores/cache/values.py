"""Encoding of values in Redis: soft expiry, load time, schema version, JSON."""

import math
import random
import struct
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from app.stores.cache.keys import AnyKey, AnyKind

HEADER = struct.Struct(">QIH")
LIFETIME_JITTER = 0.1
"""Share of the lifetime, so that values stored together do not expire together."""
_MAX_LOAD_MS = 2**32 - 1
_FAR_AHEAD = 40
"""A value is never due more than so many load times before its expiry: the probability of that is below 10**-17."""
_CACHED_VALUES, _SHORT_BYTES = 4_000, 1_000
"""How many decoded values are cached, and their maximum size in bytes."""


class Stored(NamedTuple):
    """A decoded value; None in it is cached absence."""

    soft_expiry_ms: int
    """By the wall clock of the process that stored it; no guarantee depends on it."""
    load_ms: int
    value: Any

    def is_expired(self, now: float) -> bool:
        """Return whether the soft expiry has passed: the value is still usable, but is loaded again."""
        return now * 1000 >= self.soft_expiry_ms

    def is_due(self, now: float) -> bool:
        """Return whether to refresh early: likelier near the expiry, and for slow loads.

        Rule 9, XFetch (Vattani, Chierichetti, Lowenstein 2015).
        """
        left_ms = self.soft_expiry_ms - now * 1000
        if left_ms > self.load_ms * _FAR_AHEAD:
            return False
        return left_ms <= -self.load_ms * math.log(1 - random.random())  # noqa: S311  no secret


def decode(key: AnyKey, raw: bytes) -> Stored | None:
    """Return None if the bytes are not from this release, or do not have its kind's schema."""
    return (_decode_cached if len(raw) <= _SHORT_BYTES else _decode)(key.kind, raw)


def _decode(kind: AnyKind, raw: bytes) -> Stored | None:
    if len(raw) <= HEADER.size:
        return None
    soft_expiry_ms, load_ms, version = HEADER.unpack_from(raw)
    if version != kind.entry.version:
        return None
    try:
        return Stored(soft_expiry_ms, load_ms, kind.shape.validator.validate_json(raw[HEADER.size :]))
    except ValidationError:
        return None


_decode_cached = lru_cache(_CACHED_VALUES)(_decode)
"""Safe, because equal bytes always decode to the same, and a value is only served while Redis returns its bytes."""


def encode(key: AnyKey, value: Any, now: float, load_seconds: float) -> tuple[bytes, float]:
    """Return the bytes for Redis, and their lifetime in seconds."""
    entry = key.kind.entry
    lifetime = entry.seconds * random.uniform(1 - LIFETIME_JITTER, 1)  # noqa: S311  no secret
    soft_expiry_ms = int((now + lifetime) * 1000)
    load_ms = min(int(load_seconds * 1000) + 1, _MAX_LOAD_MS)
    packed = HEADER.pack(soft_expiry_ms, load_ms, entry.version) + key.kind.shape.dump_json(value)
    return packed, lifetime
