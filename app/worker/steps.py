"""What an attempt has done so far, as the item's receipt and the log show it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from shared.items import ReceiptStep
from shared.times import Clock

log = structlog.get_logger()


class Steps:
    """Of one attempt. A step that raises is not in it."""

    def __init__(self, attempt: int, clock: Clock) -> None:
        self._attempt, self._clock = attempt, clock
        self.done: list[ReceiptStep] = []

    @contextmanager
    def step(self, name: str, **details: object) -> Iterator[dict[str, object]]:
        """Yields the details, so that what is learned inside can be added."""
        log.info("step.began", step=name)
        began, facts = time.perf_counter(), dict(details)
        yield facts
        seconds = round(time.perf_counter() - began, 4)
        self.done.append(
            ReceiptStep(at=self._clock(), step=name, attempt=self._attempt, seconds=seconds, details=facts)
        )

    def take(self) -> list[ReceiptStep]:
        """Those that no receipt has yet; the caller writes them."""
        taken, self.done = self.done, []
        return taken
