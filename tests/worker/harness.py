"""What a test of the worker does with it: hand it an item's message, look for capsules, read receipts."""

import asyncio
import io
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from app.items.row import ItemRow
from app.media.decoders import Decoders
from app.stores.resources import DEAD_LETTERS_QUEUE
from app.stores.sqs import Message
from app.worker.attempt import Attempts
from shared.ids import new_ulid
from tests.services import Services

PLENTY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class WorkerHarness:
    services: Services
    attempts: Attempts
    bulk: Attempts
    decoders: Decoders
    scratch: Path

    async def handle(self, row: ItemRow) -> ItemRow:
        """One delivery of the item's message; how the item stands afterwards."""
        await self.attempts.handle(message(row))
        return await self.services.row(row)

    async def make(self, row: ItemRow) -> ItemRow:
        """A video's second stage: one delivery of its message in the bulk lane."""
        await self.bulk.handle(message(row))
        return await self.services.row(row)

    async def hang(self, row: ItemRow) -> "asyncio.Task[None]":
        """An attempt under way, whose media child is paused; the photo must keep a child busy for a moment."""
        attempt = asyncio.create_task(self.attempts.handle(message(row)))
        async with asyncio.timeout(PLENTY_SECONDS):
            while not self.decoders.pids:  # noqa: ASYNC110  # another process wakes no event
                await asyncio.sleep(0.005)
        os.kill(self.decoders.pids[0], signal.SIGSTOP)
        return attempt

    async def encoder(self) -> int:
        """The process that makes a ladder, as soon as it has become the encoder."""
        async with asyncio.timeout(PLENTY_SECONDS):
            while True:
                for pid in self.decoders.pids:
                    if _program(pid).startswith("ffmpeg"):
                        return pid
                await asyncio.sleep(0.005)

    async def hang_encoder(self, row: ItemRow, *, after: str | None = None) -> tuple["asyncio.Task[None]", int]:
        """A second stage under way, whose encoder is paused before it has made much, or once it has made that file;
        and that encoder."""
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
        """What the dead-letter queue holds of this item."""
        queues, bodies = self.services.base.amazon.queues, []
        while messages := await queues.receive(DEAD_LETTERS_QUEUE, limit=10, wait_seconds=0):
            bodies += [each.body for each in messages if each.body["item_id"] == row.item_id]
        return bodies

    async def receipt(self, row: ItemRow) -> list[tuple[str, int]]:
        """Each step and its attempt."""
        return [(step.step, step.attempt) for step in await self.services.base.items.store.receipt(row.item_id)]


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except FileNotFoundError:
        return ""


def message(row: ItemRow) -> Message:
    """As SQS delivers it; the receipt is stale, because the clock of these tests is not SQS's."""
    return Message({"account_id": row.account_id, "item_id": row.item_id}, "stale", 1)


def a_tiny_photo() -> bytes:
    return _jpeg(Image.new("RGB", (64, 48), (200, 40, 90)))


def a_large_photo() -> bytes:
    """Half a second's work."""
    return _jpeg(Image.new("RGB", (9000, 7000), (20, 140, 90)))


def a_detailed_photo(width: int = 800) -> bytes:
    """Its renditions are larger than what these tests' decoders may write."""
    return _jpeg(Image.effect_noise((width, width), 90).convert("RGB"))


def _jpeg(image: Image.Image) -> bytes:
    """No two have the same bytes."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, comment=new_ulid().encode())
    return file.getvalue()
