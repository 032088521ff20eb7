"""What worker tests do: deliver an item's message, read crash reports, read receipts."""

import asyncio
import io
import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from app.items.schema.row import ItemRow
from app.items.store import ItemStore
from app.jobs.attempt import AttemptRunner
from app.media.decoders import Decoders
from app.services import Foundation
from app.stores.resources import DEAD_LETTERS_QUEUE
from app.stores.sqs import Message
from app.worker.item_attempts import AttemptParts, ItemJob
from app.worker.metrics import WorkerMetrics
from darkroom_shared.ids import new_ulid
from tests.services import Services

PLENTY_SECONDS = 60.0


def attempt_parts(base: Foundation, metrics: WorkerMetrics | None = None) -> AttemptParts:
    """Return what attempts share, on these stores."""
    return AttemptParts(
        queues=base.amazon.queues,
        nudges=base.signals.nudges,
        clock=base.clock,
        metrics=metrics or WorkerMetrics(),
    )


@dataclass(frozen=True, slots=True)
class WorkerHarness:
    services: Services
    attempts: AttemptRunner[ItemJob]
    bulk: AttemptRunner[ItemJob]
    decoders: Decoders
    scratch: Path

    async def handle(self, row: ItemRow) -> ItemRow:
        """Process one delivery of the item's message and return the row afterwards."""
        await self.attempts.handle(message(row))
        return await self.services.row(row)

    async def make(self, row: ItemRow) -> ItemRow:
        """Run a video's second stage: process one delivery of its message in the bulk lane."""
        await self.bulk.handle(message(row))
        return await self.services.row(row)

    async def hang(self, row: ItemRow) -> "asyncio.Task[bool | None]":
        """Start an attempt and pause its decoder. The photo must keep the decoder busy for a moment."""
        attempt = asyncio.create_task(self.attempts.handle(message(row)))
        async with asyncio.timeout(PLENTY_SECONDS):
            while not self.decoders.pids:  # noqa: ASYNC110  no event of another process
                await asyncio.sleep(0.005)
        os.kill(self.decoders.pids[0], signal.SIGSTOP)
        return attempt

    async def encoder(self) -> int:
        """Return the process that makes a ladder, as soon as it has become the encoder."""
        async with asyncio.timeout(PLENTY_SECONDS):
            while True:
                for pid in self.decoders.pids:
                    if _program(pid).startswith("ffmpeg"):
                        return pid
                await asyncio.sleep(0.005)

    async def hang_encoder(self, row: ItemRow, *, after: str | None = None) -> tuple["asyncio.Task[bool | None]", int]:
        """Start a second stage and pause its encoder, early or after it has made the file `after`.

        Returns the attempt's task and the encoder's process id.
        """
        attempt = asyncio.create_task(self.bulk.handle(message(row)))
        encoder = await self.encoder()
        if after is not None:
            await self._made(after)
        os.kill(encoder, signal.SIGSTOP)
        return attempt, encoder

    async def _made(self, file: str) -> None:
        async with asyncio.timeout(PLENTY_SECONDS):
            while not any(path.name == file for path in self.scratch.rglob("*.m4s")):  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.005)

    async def crash_reports(self, row: ItemRow) -> list[dict[str, Any]]:
        """Return the bodies of the dead-letter queue for this item."""
        queues, bodies = self.services.base.amazon.queues, []
        while messages := await queues.receive(DEAD_LETTERS_QUEUE, limit=10, wait_seconds=0):
            bodies += [each.body for each in messages if each.body["item_id"] == row.item_id]
        return bodies

    async def receipt(self, row: ItemRow) -> list[tuple[str, int]]:
        """Return each step of the receipt with its attempt."""
        return [
            (step.step, step.attempt) for step in await ItemStore(self.services.base.amazon.dynamo).receipt(row.item_id)
        ]


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except FileNotFoundError:
        return ""


def message(row: ItemRow) -> Message:
    """Return the message as SQS delivers it. The receipt is stale, because these tests' clock is not SQS's."""
    return Message({"account_id": row.account_id, "item_id": row.item_id}, "stale", 1)


def a_tiny_photo() -> bytes:
    return _jpeg(Image.new("RGB", (64, 48), (200, 40, 90)))


def a_large_photo() -> bytes:
    """Return a photo that takes half a second to decode."""
    unique, encoded = new_ulid().encode(), _large_jpeg()
    return encoded[:2] + b"\xff\xfe" + (2 + len(unique)).to_bytes(2, "big") + unique + encoded[2:]


@cache
def _large_jpeg() -> bytes:
    """Return the photo without the comment that makes it unique: to encode it takes as long as to decode it."""
    return _jpeg(Image.new("RGB", (9000, 7000), (20, 140, 90)))


def a_wide_photo() -> bytes:
    """Return a photo that takes a tenth of a second to decode, with renditions within these decoders' size limit."""
    return _jpeg(Image.new("RGB", (9000, 700), (20, 140, 90)))


def a_detailed_photo(width: int = 800) -> bytes:
    """Return a photo whose renditions exceed the size limit of these tests' decoders."""
    return _jpeg(Image.effect_noise((width, width), 90).convert("RGB"))


def _jpeg(image: Image.Image) -> bytes:
    """Encode the image with a unique comment, so that no two have the same bytes."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, comment=new_ulid().encode())
    return file.getvalue()
