"""Making ready items anew by this release's recipe, in the bulk lane, with the pipelines of both lanes."""

from dataclasses import replace

from app.events.stream import Nudges
from app.items.remake_work import RemakeWork
from app.items.reprocessing import is_remake
from app.items.row import ItemRow, Lane
from app.media.decoders import Decoders
from app.stores.s3 import ObjectStore
from app.stores.sqs import Message, Queues
from app.worker.attempt import Attempts
from app.worker.files import AttemptFiles
from app.worker.pipeline import Pipeline
from app.worker.progress import Encodes
from app.worker.steps import Steps
from app.worker.video import VideoPipeline
from shared.times import Clock


class Silence:
    """Nobody waits for a remake: the item is ready all the while."""

    async def tell(self, channel: str, message: bytes) -> None:
        """Says nothing."""


class RemakePipeline:
    """All of an item under one claim: of a video first the poster, then the ladder."""

    def __init__(self, pictures: Pipeline, videos: VideoPipeline) -> None:
        self._pictures, self._videos = pictures, videos

    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        """Raises MediaError, DecoderDied, Absent (no original), ClaimLost, Unavailable."""
        row = await self._pictures.run(claimed, steps)
        if row.claim is None:
            return row  # a picture: that was all
        return await self._videos.run(replace(claimed, kind=row.kind, result=row.result), steps)


class BulkLane:
    """Each message to whom it is for: a new video, or an item that is made anew."""

    def __init__(self, new: Attempts, remakes: Attempts) -> None:
        self._new, self._remakes = new, remakes

    async def handle(self, message: Message) -> None:
        await (self._remakes if is_remake(message.body) else self._new).handle(message)


def remake_attempts(
    work: RemakeWork,
    files: AttemptFiles,
    objects: ObjectStore,
    decoders: Decoders,
    encodes: Encodes,
    queues: Queues,
    nudges: Nudges,
    clock: Clock,
) -> Attempts:
    pipeline = RemakePipeline(Pipeline(files, work, decoders), VideoPipeline(files, objects, work, decoders, encodes))
    return Attempts(work, pipeline, queues, Lane.BULK, nudges, clock)
