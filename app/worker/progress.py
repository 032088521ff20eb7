"""Progress of videos: published to the owner's streams, and read by a worker that is about to stop."""

import asyncio
from datetime import timedelta
from typing import Protocol

from app.events.service.stream import progress_channel
from app.items.schema.row import ItemRow
from darkroom_shared.events import Progress
from darkroom_shared.ids import ItemId
from darkroom_shared.times import Clock

PUBLISH_SECONDS = 1.0
"""Minimum interval; a page draws a progress bar from it."""
ESTIMATED_FROM = 0.01
"""Below this share the pace allows no estimate."""
ENCODING_PERCENT = 99.0
"""The rest is for joining and storing the whole file."""


class Channel(Protocol):
    """A channel of messages to the app's event streams."""

    async def publish(self, channel: str, message: bytes) -> None:
        """Publish a message; losing one does no harm."""
        ...


class Encodes:
    """The encodes in progress in this process."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self._channel, self._clock = channel, clock
        self._done_at: dict[ItemId, float] = {}

    def can_finish(self, item: ItemId, within_seconds: float) -> bool:
        """Return whether the encode ends in time; False also if no estimate exists yet."""
        done_at = self._done_at.get(item)
        return done_at is not None and done_at - asyncio.get_running_loop().time() <= within_seconds

    def expect(self, item: ItemId, seconds: float | None) -> None:
        """Record the seconds until the encode ends; None if they are unknown or the encode has ended."""
        if seconds is None:
            self._done_at.pop(item, None)
        else:
            self._done_at[item] = asyncio.get_running_loop().time() + seconds

    async def publish(self, row: ItemRow, share: float, seconds_left: float | None) -> None:
        """Publish the progress of an encode. `share` is from 0 to 1; `seconds_left` is None if no estimate exists
        yet."""
        ready_at = self._clock() + timedelta(seconds=seconds_left) if seconds_left is not None else None
        progress = Progress(id=row.item_id, percent=round(share * ENCODING_PERCENT, 1), ready_at=ready_at)
        await self._channel.publish(progress_channel(row.account_id), progress.model_dump_json().encode())


class EncodeWatch:
    """One encode in progress."""

    def __init__(self, encodes: Encodes, row: ItemRow, duration_seconds: float) -> None:
        self._encodes, self._row, self._duration_seconds = encodes, row, duration_seconds
        self._began = self._publish_at = asyncio.get_running_loop().time()

    async def reached(self, encoded_seconds: float) -> None:
        """Take the encoder's position in the video, in seconds."""
        now = asyncio.get_running_loop().time()
        share = min(1.0, encoded_seconds / self._duration_seconds) if self._duration_seconds else 0.0
        left = (now - self._began) * (1 - share) / share if share >= ESTIMATED_FROM else None
        self._encodes.expect(self._row.item_id, left)
        if now >= self._publish_at:
            self._publish_at = now + PUBLISH_SECONDS
            await self._encodes.publish(self._row, share, left)

    def ended(self) -> None:
        """Drop the estimate. Call it after every encode, also a failed one."""
        self._encodes.expect(self._row.item_id, None)
