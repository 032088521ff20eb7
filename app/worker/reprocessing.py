"""Reprocessing of ready items by this release's recipe, in the bulk lane, with the pipelines of both lanes."""

from dataclasses import replace

from app.items.reprocessing.service.reprocessing import is_reprocess
from app.items.schema.row import ItemRow
from app.jobs.attempt import AttemptRunner
from app.stores.sqs import Message
from app.worker.item_attempts import ItemJob
from app.worker.pipeline import Pipeline
from app.worker.steps import Steps
from app.worker.video import VideoPipeline


class NullChannel:
    """Discards progress: no client waits for a reprocessed item, which stays ready meanwhile."""

    async def publish(self, channel: str, message: bytes) -> None:
        """Do nothing."""


class ReprocessPipeline:
    """Reprocesses an item under one claim: for a video first the poster, then the ladder."""

    def __init__(self, images: Pipeline, videos: VideoPipeline) -> None:
        self._images, self._videos = images, videos

    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        """Return the item's row. Raises MediaError, DecoderCrashed, Absent (no original), ClaimLost, Unavailable."""
        row = await self._images.run(claimed, steps)
        if row.claim is None:
            return row  # an image needs no second stage
        return await self._videos.run(replace(claimed, kind=row.kind, result=row.result), steps)


class BulkLane:
    """Dispatches each message: a new video, or an item to reprocess."""

    def __init__(self, new: AttemptRunner[ItemJob], reprocess_work: AttemptRunner[ItemJob]) -> None:
        self._new, self._reprocess = new, reprocess_work

    async def handle(self, message: Message) -> bool | None:
        """Handle the message as the kind of job that it names."""
        return await (self._reprocess if is_reprocess(message.body) else self._new).handle(message)
