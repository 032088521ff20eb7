"""W3C Trace Context: parse, create and continue a `traceparent` (https://www.w3.org/TR/trace-context/)."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

TRACEPARENT = b"traceparent"

_FORMAT = re.compile(
    rb"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.DOTALL,
)
_SAMPLED = 0x01
_KNOWN_FLAGS = 0x03
"""Sampled, and random trace id; the others must be zero in what we send."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The trace that a request belongs to, and the span that sent it. Ids are lower-case hexadecimal digits."""

    trace_id: str
    span_id: str
    flags: int

    @classmethod
    def parse(cls, value: bytes) -> Self | None:
        """Return None if the value is malformed. A later version may have further fields, which are ignored."""
        match = _FORMAT.fullmatch(value)
        if match is None or (match["more"] is not None and match["version"] == b"00"):
            return None
        return cls(match["trace"].decode(), match["span"].decode(), int(match["flags"], 16) & _KNOWN_FLAGS)

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> Self | None:
        """Return the context of a request's headers, whose names are in lower case; None without exactly one."""
        values = [value for name, value in headers if name == TRACEPARENT]
        return cls.parse(values[0]) if len(values) == 1 else None

    @classmethod
    def create(cls) -> Self:
        """Begin a sampled trace."""
        return cls(secrets.token_hex(16), _new_span_id(), _SAMPLED)

    def child(self) -> Self:
        """Return the context of a request that this one causes: the same trace, another span."""
        return replace(self, span_id=_new_span_id())

    def header(self) -> bytes:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}".encode()


def _new_span_id() -> str:
    return secrets.token_hex(8)
