"""One photo from claim to ready; the name of each step appears in the item's receipt."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from app.items.keys import original_key, rendition_key
from app.items.row import ItemRow, Result, StoredRendition
from app.items.work import WorkService
from app.media.decoders import Decoders
from app.media.recipe import recipe_hash
from app.media.results import MediaResult
from app.stores.s3 import ObjectStore
from shared.items import ReceiptStep
from shared.times import Clock, to_rfc3339

log = structlog.get_logger()

MEDIA_SECONDS = 120.0
"""Time limit of one child; a photo of 100 MP takes some 5 s."""
RENDITION_CACHE_CONTROL = "private, max-age=31536000, immutable"
"""A key is written once, so whoever may read it may keep it."""


class Steps:
    """What has been done so far in this attempt, as the receipt will show it."""

    def __init__(self, attempt: int, clock: Clock) -> None:
        self._attempt, self._clock = attempt, clock
        self.done: list[ReceiptStep] = []

    @contextmanager
    def step(self, name: str, **details: object) -> Iterator[dict[str, object]]:
        """Yields the details, so that what is learned inside can be added."""
        log.info("step.began", step=name)
        began, found = time.perf_counter(), dict(details)
        yield found
        seconds = round(time.perf_counter() - began, 4)
        self.done.append(
            ReceiptStep(at=self._clock(), step=name, attempt=self._attempt, seconds=seconds, details=found)
        )


class Pipeline:
    def __init__(
        self, objects: ObjectStore, work: WorkService, decoders: Decoders, scratch: Path, clock: Clock
    ) -> None:
        self._objects, self._work, self._decoders = objects, work, decoders
        self._scratch, self._clock = scratch, clock

    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        """Raises MediaError, DecoderDied, Absent (no original), ClaimLost, Unavailable."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="attempt-", dir=self._scratch))
        try:
            original, target = folder / "original", folder / "renditions"
            await asyncio.to_thread(target.mkdir)
            await self._download(claimed, original, steps)
            made = await self._make(original, target, steps)
            await self._upload(claimed, target, made, steps)
            return await self._finish(claimed, made, steps)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _download(self, claimed: ItemRow, original: Path, steps: Steps) -> None:
        with steps.step("download") as details:
            key = original_key(claimed.account_id, claimed.item_id)
            details["size_bytes"] = await self._objects.download(key, original)

    async def _make(self, original: Path, target: Path, steps: Steps) -> MediaResult:
        with steps.step("make") as details:
            made = await self._decoders.make_image(original, target, limit_seconds=MEDIA_SECONDS)
            details["media_seconds"] = round(made.wall_seconds, 4)
            details["cpu_seconds"] = round(made.cpu_seconds, 4)
        return made

    async def _upload(self, claimed: ItemRow, folder: Path, made: MediaResult, steps: Steps) -> None:
        with steps.step("upload", files=len(made.renditions)):
            async with asyncio.TaskGroup() as uploads:
                for each in made.renditions:
                    key = rendition_key(claimed.account_id, claimed.item_id, recipe_hash(), claimed.attempt, each.file)
                    uploads.create_task(
                        self._objects.upload(
                            key,
                            folder / each.file,
                            content_type=each.content_type,
                            sha256_hex=each.sha256,
                            cache_control=RENDITION_CACHE_CONTROL,
                        )
                    )

    async def _finish(self, claimed: ItemRow, made: MediaResult, steps: Steps) -> ItemRow:
        log.info("step.began", step="finish")
        result = Result(
            recipe=recipe_hash(),
            attempt=claimed.attempt,
            width=made.width,
            height=made.height,
            camera=made.camera,
            placeholder=made.placeholder,
            captured_at=to_rfc3339(made.captured_at) if made.captured_at else None,
            renditions=tuple(
                StoredRendition(
                    each.name, each.file, each.content_type, each.width, each.height, each.size_bytes, each.sha256
                )
                for each in made.renditions
            ),
        )
        return await self._work.finish(claimed, made.kind, result, steps.done)
