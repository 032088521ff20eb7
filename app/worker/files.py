"""Files of an attempt: a temporary folder, the download of the original, the upload of the results."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from app.items.schema.keys import original_key, rendition_key
from app.items.schema.row import ItemRow, StoredRendition
from app.media.recipe import recipe_hash
from app.media.results import RenditionFile
from app.media.space import MIN_FREE_BYTES, require_space
from app.stores.s3 import ObjectStore
from app.worker.steps import Steps
from darkroom_shared.task_group import TaskGroup

RENDITION_CACHE_CONTROL = "private, max-age=31536000, immutable"
"""A key is written only once, so a client with access may cache it."""


class AttemptFiles:
    """Moves an attempt's files between S3 and a folder in the scratch folder."""

    def __init__(self, objects: ObjectStore, scratch: Path) -> None:
        self._objects, self._scratch = objects, scratch

    @asynccontextmanager
    async def folder(self, min_free_bytes: int = MIN_FREE_BYTES) -> AsyncIterator[Path]:
        """Yield an empty folder, which is removed afterwards. Raises OSError if less than that is free on its disk."""
        await asyncio.to_thread(require_space, self._scratch, min_free_bytes)
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="attempt-", dir=self._scratch))
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def download(self, claimed: ItemRow, folder: Path, steps: Steps) -> Path:
        """Download the original as `original` into the folder. Raises Absent."""
        original = folder / "original"
        with steps.step("download") as details:
            key = original_key(claimed.account_id, claimed.item_id)
            details["size_bytes"] = await self._objects.download(key, original)
        return original

    async def upload(
        self, claimed: ItemRow, folder: Path, made: Iterable[RenditionFile], steps: Steps
    ) -> tuple[StoredRendition, ...]:
        """Upload all files under this attempt's keys."""
        files = list(made)
        with steps.step("upload", files=len(files)):
            async with TaskGroup() as uploads:
                tasks = [uploads.create_task(self._upload(claimed, folder, each)) for each in files]
        return tuple(task.result() for task in tasks)

    async def _upload(self, claimed: ItemRow, folder: Path, made: RenditionFile) -> StoredRendition:
        recipe = recipe_hash()
        digest = await self._objects.upload(
            rendition_key(claimed.account_id, claimed.item_id, recipe, claimed.attempt, made.file),
            folder / made.file,
            size_bytes=made.size_bytes,
            content_type=made.content_type,
            sha256_hex=made.sha256,
            cache_control=RENDITION_CACHE_CONTROL,
        )
        return StoredRendition(
            name=made.name,
            file=made.file,
            content_type=made.content_type,
            width=made.width,
            height=made.height,
            size_bytes=made.size_bytes,
            sha256=made.sha256,
            recipe=recipe,
            attempt=claimed.attempt,
            digest=digest,
        )
