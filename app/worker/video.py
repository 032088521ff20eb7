"""The bulk lane: a video from claim to ready, playable while it is encoded; each step's name is in the receipt."""

import asyncio
from dataclasses import replace
from pathlib import Path

import structlog

from app.items.schema.row import ItemRow, Result, StoredRendition
from app.media.decoders import Decoders
from app.media.recipe import recipe_hash
from app.media.results import RenditionFile, VideoFacts
from app.media.space import MIN_FREE_BYTES_OF_LADDERS
from app.stores.s3 import ObjectStore
from app.worker.files import AttemptFiles
from app.worker.item_work import Outcomes
from app.worker.ladder import LadderUpload
from app.worker.pipeline import probe
from app.worker.progress import Encodes, EncodeWatch
from app.worker.steps import Steps
from darkroom_shared.items import ItemKind
from darkroom_shared.task_group import TaskGroup, cancelled_on_error

log = structlog.get_logger()

JOIN_SECONDS = 1800.0
"""Time limit of the copy into one file; 4 h of 1080p take about 10 GB."""


class VideoPipeline:
    """The second stage of a video: encodes the ladder and stores its segments meanwhile."""

    def __init__(
        self, *, files: AttemptFiles, objects: ObjectStore, work: Outcomes, decoders: Decoders, encodes: Encodes
    ) -> None:
        self._files, self._objects, self._work = files, objects, work
        self._decoders, self._encodes = decoders, encodes

    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        """Return the item's row. Raises MediaError, DecoderCrashed, Absent (no original), ClaimLost, Unavailable."""
        async with self._files.folder(MIN_FREE_BYTES_OF_LADDERS) as folder:
            original, video_folder = await self._files.download(claimed, folder, steps), folder / "video"
            await asyncio.to_thread(video_folder.mkdir)
            facts = await probe(self._decoders, original, video_folder, steps)
            upload = LadderUpload(objects=self._objects, claimed=claimed, folder=video_folder, facts=facts)
            storyboard = await self._encode(claimed, original, video_folder, facts, upload, steps)
            with steps.step("join"):
                whole = await self._decoders.join_video(video_folder, facts, limit_seconds=JOIN_SECONDS)
            stored = await self._files.upload(claimed, video_folder, (whole, *storyboard), steps)
            log.info("step.began", step="finish")
            result = _whole_result(claimed, facts, stored)
            return await self._work.finish(claimed, ItemKind.VIDEO, result, steps.take(), upload.ladder())

    async def _encode(
        self,
        claimed: ItemRow,
        original: Path,
        folder: Path,
        facts: VideoFacts,
        upload: LadderUpload,
        steps: Steps,
    ) -> tuple[RenditionFile, ...]:
        """Encode the ladder and store it meanwhile; return the encoder's other files."""
        watch = EncodeWatch(self._encodes, claimed, facts.duration_seconds)
        try:
            async with TaskGroup() as tasks:
                storing = [tasks.create_task(upload.run()), tasks.create_task(self._play(claimed, upload, steps))]
                with steps.step("encode") as details:
                    async with self._decoders.encode_video(original, folder, facts) as encoding:
                        # Before the folder is emptied: an error of an upload would replace the encoder's.
                        with cancelled_on_error(storing):
                            async for progress in encoding:
                                await upload.add_files(progress.files)
                                await watch.reached(progress.encoded_seconds)
                    details["cpu_seconds"] = round(encoding.cpu_seconds, 4)
                upload.end()
        finally:
            watch.ended()
        return encoding.renditions

    async def _play(self, claimed: ItemRow, upload: LadderUpload, steps: Steps) -> None:
        await upload.playable.wait()
        log.info("step.began", step="play")
        await self._work.play(claimed, upload.ladder(), steps.take())


def _whole_result(claimed: ItemRow, facts: VideoFacts, stored: tuple[StoredRendition, ...]) -> Result:
    """Return the result; poster and its facts stay under the attempt of the first stage."""
    before = claimed.result
    if before is None:
        raise ValueError("an item in the bulk lane without a first stage")
    poster = []
    for each in before.renditions:
        recipe, attempt = before.folder_of(each)
        poster.append(replace(each, recipe=recipe, attempt=attempt))
    return replace(
        before,
        recipe=recipe_hash(),
        attempt=claimed.attempt,
        duration_seconds=facts.duration_seconds,
        renditions=(*poster, *stored),
    )
