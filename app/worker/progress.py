"""How far a video is: told to its owner's streams, and asked by a worker that is about to stop."""

import asyncio
from datetime import timedelta
from typing import Protocol

from app.events.stream import progress_channel
from app.items.row import ItemRow
from shared.events import Progress
from shared.ids import ItemId
from shared.times import Clock

PUBLISH_SECONDS = 1.0
"""At most so often; a page draws a bar with it."""
ESTIMATED_FROM = 0.01
"""Before that share the pace says nothing."""
ENCODING_PERCENT = 99.0
"""The rest is for joining and storing the whole."""


class Channel(Protocol):
    async def publish(self, channel: str, message: bytes) -> None:
        """What gets lost matters to nobody."""
        ...


class Encodes:
    """All that this process has in work at the moment."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self._channel, self._clock = channel, clock
        self._done_at: dict[ItemId, float] = {}

    def can_finish(self, item: ItemId, within_seconds: float) -> bool:
        """False, too, while nothing is known yet."""
        done_at = self._done_at.get(item)
        return done_at is not None and done_at - asyncio.get_running_loop().time() <= within_seconds

    def expect(self, item: ItemId, seconds: float | None) -> None:
        if seconds is None:
            self._done_at.pop(item, None)
        else:
            self._done_at[item] = asyncio.get_running_loop().time() + seconds

    async def publish(self, row: ItemRow, share: float, seconds_left: float | None) -> None:
        ready_at = self._clock() + timedelta(seconds=seconds_left) if seconds_left is not None else None
        progress = Progress(id=row.item_id, percent=round(share * ENCODING_PERCENT, 1), ready_at=ready_at)
        await self._channel.publish(progress_channel(row.account_id), progress.model_dump_json().encode())


class EncodeWatch:
    """One encode under way."""

    def __init__(self, encodes: Encodes, row: ItemRow, duration_seconds: float) -> None:
        self._encodes, self._row, self._duration_seconds = encodes, row, duration_seconds
        self._began = self._publish_at = asyncio.get_running_loop().time()

    async def reached(self, encoded_seconds: float) -> None:
        """The encoder's own clock stands here."""
        now = asyncio.get_running_loop().time()
        share = min(1.0, encoded_seconds / self._duration_seconds) if self._duration_seconds else 0.0
        left = (now - self._began) * (1 - share) / share if share >= ESTIMATED_FROM else None
        self._encodes.expect(self._row.item_id, left)
        if now >= self._publish_at:
            self._publish_at = now + PUBLISH_SECONDS
            await self._encodes.publish(self._row, share, left)

    def over(self) -> None:
        self._encodes.expect(self._row.item_id, None)
