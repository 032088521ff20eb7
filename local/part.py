"""The supervisor's model of a part of Darkroom."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from local.readiness import Probe

READY_SECONDS = 60.0  # for a cold disk and two slow cores; the usual part needs one or two
STOP_SECONDS = 10.0


class NotPrepared(Exception):
    """The preparation that a part needs before others use it failed."""


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    probe: Probe | None
    """Polled until it returns True. None: the part is not a server; it is ready when it has exited with 0."""

    after: tuple[str, ...] = ()
    """Parts that must be ready before this one starts, and that stop only after it has stopped."""

    prepare: Callable[[], Awaitable[None]] = field(default=_nothing)
    """Runs each time the part has become ready, before others rely on it; may raise NotPrepared."""

    ready_seconds: float = READY_SECONDS
    stop_seconds: float = STOP_SECONDS
