"""The express lane: a photo from claim to ready, a video from claim to poster; each step's name is in the receipt."""

import asyncio
from pathlib import Path

import structlog

from app.items.schema.row import ItemRow, Result
from app.media.decoders import Decoders
from app.media.recipe import recipe_hash
from app.media.results import MediaResult, VideoFacts
from app.media.sniff import sniff
from app.worker.files import AttemptFiles
from app.worker.item_work import Outcomes
from app.worker.steps import Steps
from darkroom_shared.items import ItemKind
from darkroom_shared.times import to_rfc3339

log = structlog.get_logger()

MEDIA_SECONDS = 120.0
"""Time limit of one child; a photo of 100 MP takes about 5 s."""


class Pipeline:
    """The first stage of every item."""

    def __init__(self, files: AttemptFiles, work: Outcomes, decoders: Decoders) -> None:
        self._files, self._work, self._decoders = files, work, decoders

    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        """Return the item's row. Raises MediaError, DecoderCrashed, Absent (no original), ClaimLost, Unavailable."""
        async with self._files.folder() as folder:
            original = await self._files.download(claimed, folder, steps)
            source_format = await asyncio.to_thread(sniff, original)
            if source_format.kind is ItemKind.VIDEO:
                return await self._probe_video(claimed, original, folder, steps)
            made, result = await self._make(claimed, original, folder, steps)
            log.info("step.began", step="finish")
            return await self._work.finish(claimed, made.kind, result, steps.done)

    async def _probe_video(self, claimed: ItemRow, original: Path, folder: Path, steps: Steps) -> ItemRow:
        video_folder = folder / "video"
        await asyncio.to_thread(video_folder.mkdir)
        facts = await probe(self._decoders, original, video_folder, steps)
        with steps.step("poster"):
            poster = await self._decoders.make_poster(original, video_folder, facts, limit_seconds=MEDIA_SECONDS)
        _, result = await self._make(claimed, poster, folder, steps, facts)
        log.info("step.began", step="hand_off")
        return await self._work.hand_off(claimed, ItemKind.VIDEO, result, steps.done)

    async def _make(
        self, claimed: ItemRow, image: Path, folder: Path, steps: Steps, facts: VideoFacts | None = None
    ) -> tuple[MediaResult, Result]:
        """Make and store an image's renditions; with `facts` the image is the poster of that video."""
        target = folder / "renditions"
        await asyncio.to_thread(target.mkdir)
        with steps.step("make") as details:
            made = await self._decoders.make_image(image, target, limit_seconds=MEDIA_SECONDS)
            details["media_seconds"] = round(made.wall_seconds, 4)
            details["cpu_seconds"] = round(made.cpu_seconds, 4)
        files = made.renditions
        if made.loop is not None:
            with steps.step("loop", frames=made.loop.frames):
                video = await self._decoders.make_loop(image, target, made.loop, limit_seconds=MEDIA_SECONDS)
            files = (*files, video)
        stored = await self._files.upload(claimed, target, files, steps)
        source = facts or made
        moving = facts or made.loop
        return made, Result(
            recipe=recipe_hash(),
            attempt=claimed.attempt,
            width=source.width,
            height=source.height,
            camera=source.camera,
            placeholder=made.placeholder,
            captured_at=to_rfc3339(source.captured_at) if source.captured_at else None,
            renditions=stored,
            duration_seconds=moving.duration_seconds if moving else None,
        )


async def probe(decoders: Decoders, original: Path, folder: Path, steps: Steps) -> VideoFacts:
    """Return the video's facts. Raises MediaError, DecoderCrashed."""
    with steps.step("probe") as details:
        facts = await decoders.probe_video(original, folder, limit_seconds=MEDIA_SECONDS)
        details |= {"codec": facts.codec, "width": facts.width, "height": facts.height}
        details |= {"duration_seconds": facts.duration_seconds, "frame_rate": facts.frame_rate}
    return facts
