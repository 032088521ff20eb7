"""The completed steps of an attempt, for the item's receipt and the log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from darkroom_shared.items import ReceiptStep
from darkroom_shared.times import Clock

log = structlog.get_logger()


class Steps:
    """The steps of one attempt. A step that raises is not recorded."""

    def __init__(
        self, attempt: int, clock: Clock, observe: Callable[[str, float], None] = lambda _step, _seconds: None
    ) -> None:
        """`observe` gets the name and the seconds of each step."""
        self._attempt, self._clock, self._observe = attempt, clock, observe
        self.done: list[ReceiptStep] = []

    @contextmanager
    def step(self, name: str, **details: object) -> Iterator[dict[str, object]]:
        """Record a step; yield its details, to which the caller may add."""
        log.info("step.began", step=name)
        began, facts = time.perf_counter(), dict(details)
        yield facts
        seconds = round(time.perf_counter() - began, 4)
        self._observe(name, seconds)
        self.done.append(
            ReceiptStep(at=self._clock(), step=name, attempt=self._attempt, seconds=seconds, details=facts)
        )

    def take(self) -> list[ReceiptStep]:
        """Return and clear the steps that are in no receipt yet; the caller must write them."""
        taken, self.done = self.done, []
        return taken
