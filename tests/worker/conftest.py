"""A worker's own parts around the services of the house."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.items.row import Lane
from app.media.decoders import Decoders
from app.media.sandbox import Limits
from app.worker.attempt import Attempts
from app.worker.files import AttemptFiles
from app.worker.pipeline import Pipeline
from app.worker.progress import Encodes
from app.worker.video import VideoPipeline
from tests.house import House
from tests.worker.bench import Bench

SMALL_FILE_BYTES = 10_000
"""A child that writes a larger rendition dies of SIGXFSZ: honest poison, made of any detailed picture."""


@pytest.fixture
async def bench(house: House, tmp_path: Path) -> AsyncIterator[Bench]:
    decoders = Decoders.start(slots=2, limits=Limits(file_bytes=SMALL_FILE_BYTES))
    try:
        files, clock = AttemptFiles(house.base.amazon.objects, tmp_path), house.base.clock
        pipeline = Pipeline(files, house.work, decoders)
        attempts = Attempts(
            house.work, pipeline, house.base.amazon.queues, Lane.EXPRESS, house.base.signals.nudges, clock
        )
        bulk = Attempts(
            house.work,
            VideoPipeline(files, house.base.amazon.objects, house.work, decoders, Encodes(house.base.signals, clock)),
            house.base.amazon.queues,
            Lane.BULK,
            house.base.signals.nudges,
            clock,
        )
        yield Bench(house, attempts, bulk, decoders, tmp_path)
    finally:
        await decoders.aclose()
