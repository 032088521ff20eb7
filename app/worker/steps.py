"""The completed steps of an attempt, for the item's receipt and the log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from darkroom_shared.items import ReceiptStep
from darkroom_shared.times import Clock

log = structlog.get_logger()


ObserveStep = Callable[[str, float], None]
"""Gets the name and the seconds of each completed step."""


def ignore_step(_name: str, _seconds: float) -> None:
    """Do nothing."""


@contextmanager
def observed_step(name: str, observe: ObserveStep) -> Iterator[None]:
    """Log the step's start, and observe the step unless it raises."""
    log.info("step.began", step=name)
    began = time.perf_counter()
    yield
    observe(name, round(time.perf_counter() - began, 4))


class Steps:
    """The steps of one attempt. A step that raises is not recorded."""

    def __init__(self, attempt: int, clock: Clock, observe: ObserveStep = ignore_step) -> None:
        self._attempt, self._clock, self._observe = attempt, clock, observe
        self.done: list[ReceiptStep] = []

    @contextmanager
    def step(self, name: str, **details: object) -> Iterator[dict[str, object]]:
        """Record a step; yield its details, to which the caller may add."""
        facts = dict(details)

        def add(name: str, seconds: float) -> None:
            self._observe(name, seconds)
            self.done.append(
                ReceiptStep(at=self._clock(), step=name, attempt=self._attempt, seconds=seconds, details=facts)
            )

        with observed_step(name, add):
            yield facts

    def take(self) -> list[ReceiptStep]:
        """Return and clear the steps that are in no receipt yet; the caller must write them."""
        taken, self.done = self.done, []
        return taken
