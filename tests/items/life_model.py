"""A model of an item's life: the simple, trivially right counterpart of the state machine."""

from dataclasses import dataclass, field

DAY, LEASE, PROCESSING = 86_400, 60, 600
RESTORABLE = 30 * DAY
DELETED_AGAIN = 90, 4_290
"""Seconds until a purge is repeated, earliest and latest: 90 s after it began no claim can write; issued upload URLs
work for 70 minutes.
"""
SIZE = 40
DURATION = 20
"""Seconds of every video here. Its second stage may take thirty times as long, beyond the usual ten minutes."""
WAITS = {1: 5, 2: 30, 3: 120, 4: 600}


@dataclass
class ModelItem:
    """An item of the model. Times are seconds on the test's clock."""

    born: float
    state: str = "uploading"
    caption: str = ""
    version: int = 1
    queued_first: float = 0
    usable_from: float = 0
    holder: int | None = None
    held_until: float = 0
    claimed_at: float = 0
    lost_attempts: int = 0
    original: bool = False
    lane: str = "express"
    playable: bool = False
    reserved: int = SIZE
    before: str = ""
    purged_from: float = 0
    purged_at: float | None = None
    ended: tuple[str, int] | None = None
    """How the last claim ended, and its worker. A worker that repeats this outcome because the response was lost gets
    no error.
    """
    published: list[str] = field(default_factory=lambda: ["item.created"])

    def _end(self, state: str, *, publish: bool = True) -> None:
        self.state, self.holder, self.playable = state, None, False
        if state in {"cancelled", "expired"}:
            self.reserved = 0
        if publish:
            self.published.append(f"item.{state}")

    def complete(self, now: float) -> bool:
        if self.state == "uploading":
            self.state, self.queued_first, self.usable_from, self.original = "queued", now, 0, True
            return True
        return self.state in {"queued", "processing", "ready", "failed"}

    def claim(self, worker: int, lane: str, now: float) -> bool:
        if self.state != "queued" or self.lane != lane or self.usable_from > now:
            return False
        self.state, self.holder, self.claimed_at, self.held_until = "processing", worker, now, now + LEASE
        self.ended = None
        return True

    def holds(self, worker: int) -> bool:
        return self.state == "processing" and self.holder == worker

    def hand_off(self, worker: int, now: float) -> bool:
        if held := self.holds(worker):
            self._wait(0)
            self.lane, self.lost_attempts, self.queued_first = "bulk", 0, now
            self.published.append("item.updated")
        return held

    def play(self, worker: int) -> bool:
        if held := self.holds(worker):
            if not self.playable:
                self.published.append("item.playable")
            self.playable = True
        return held

    def finish(self, worker: int) -> bool:
        if held := self.holds(worker):
            self._end("ready")
            self.playable = self.lane == "bulk"
        return held

    def fail(self, worker: int) -> bool:
        if self.holds(worker):
            self.ended = "failed", worker
            self._end("failed")
        return self.state != "gone" and self.ended == ("failed", worker)

    def return_claim(self, worker: int) -> bool:
        if held := self.holds(worker):
            self._wait(0)
        return held

    def _wait(self, until: float) -> None:
        self._end("queued", publish=False)
        self.usable_from = until

    def record_lost_attempt(self, worker: int, now: float) -> bool:
        if self.holds(worker):
            self._record_lost_attempt(now)
        return self.ended == ("lost", worker)

    def _record_lost_attempt(self, now: float) -> None:
        if self.holder is not None:
            self.ended = "lost", self.holder
        self.lost_attempts += 1
        if self.lost_attempts == 5:
            self._end("failed")
        else:
            self._wait(now + WAITS[self.lost_attempts])

    def sweep(self, now: float) -> None:
        if self.state == "uploading" and now >= self.born + DAY:
            self._end("expired")
        elif (self.state == "queued" and now >= self.queued_first + DAY) or (
            self.state == "processing" and now >= self.claimed_at + self._time()
        ):
            self._end("failed")
        elif self.state == "processing" and now >= self.held_until:
            self._record_lost_attempt(now)
        elif self.state == "deleted" and now >= self.purged_from and self.purged_at is None:
            self.purged_at, self.reserved = now, 0

    def may_be_gone(self, now: float) -> bool:
        """Return whether the item may be absent after the sweeper has processed it."""
        return self.purged_at is not None and now >= self.purged_at + DELETED_AGAIN[0]

    def must_be_gone(self, now: float) -> bool:
        return self.purged_at is not None and now >= self.purged_at + DELETED_AGAIN[1]

    def _time(self) -> int:
        return PROCESSING + (30 * DURATION if self.lane == "bulk" else 0)

    def cancel(self) -> bool:
        if self.state in {"uploading", "queued", "processing"}:
            self._end("cancelled")
            self.lane = "express"
        return self.state == "cancelled"

    def retry(self, now: float) -> bool:
        if self.state not in {"failed", "cancelled"} or not self.original:
            return False
        self.state, self.lost_attempts, self.queued_first, self.usable_from, self.ended = "queued", 0, now, 0, None
        self.reserved = SIZE
        self.published.append("item.updated")
        return True

    def edit(self, caption: str, expected: int | None) -> bool:
        if self.state in {"deleted", "gone"} or (expected is not None and expected != self.version):
            return False
        if caption != self.caption:
            self.caption = caption
            self.version += 1
            self.published.append("item.updated")
        return True

    def delete(self, now: float, *, permanently: bool) -> bool:
        if self.state == "gone":
            return False
        if self.state != "deleted":
            self._hide(now)
        if permanently:
            self.purged_from = min(self.purged_from, now)
        return True

    def _hide(self, now: float) -> None:
        self.before, playable = self.state, self.playable and self.state == "ready"
        if self.state in {"uploading", "queued", "processing"}:
            self.before, self.lane = "cancelled", "express"
        if self.state == "uploading":
            self.reserved = 0
        self._end("deleted")
        self.playable, self.purged_from = playable, now + RESTORABLE

    def restore(self, now: float) -> bool:
        if self.state == "gone" or (self.state == "deleted" and now >= self.purged_from):
            return False
        if self.state == "deleted":
            playable = self.playable
            self._end(self.before, publish=False)
            self.playable = playable
            self.published.append("item.restored")
        return True
