"""A worker's harness around the services."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.items.schema.row import Lane
from app.media.decoders import Decoders
from app.media.sandbox.confinement import Limits
from app.worker.files import AttemptFiles
from app.worker.item_attempts import item_attempts
from app.worker.pipeline import Pipeline
from app.worker.progress import Encodes
from app.worker.video import VideoPipeline
from tests.services import Services
from tests.worker.harness import WorkerHarness, attempt_parts

SMALL_FILE_BYTES = 10_000
"""A child that writes a larger rendition is killed by SIGXFSZ, so any detailed image is a poisonous one."""


@pytest_asyncio.fixture(scope="module")
async def decoders() -> AsyncIterator[Decoders]:
    """The decoders of a module: to start them takes 0.7 s of CPU."""
    decoders = Decoders.start(slots=2, limits=Limits(file_bytes=SMALL_FILE_BYTES))
    try:
        yield decoders
    finally:
        await decoders.aclose()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """The scratch folder of the harness."""
    return tmp_path


@pytest.fixture
def harness(services: Services, decoders: Decoders, scratch: Path) -> WorkerHarness:
    files, clock = AttemptFiles(services.base.amazon.objects, scratch), services.base.clock
    pipeline = Pipeline(files, services.work, decoders)
    videos = VideoPipeline(
        files=files,
        objects=services.base.amazon.objects,
        work=services.work,
        decoders=decoders,
        encodes=Encodes(services.base.signals, clock),
    )
    parts = attempt_parts(services.base)
    attempts = item_attempts(lane=Lane.EXPRESS, work=services.work, pipeline=pipeline, parts=parts)
    bulk = item_attempts(lane=Lane.BULK, work=services.work, pipeline=videos, parts=parts)
    return WorkerHarness(services, attempts, bulk, decoders, scratch)
