"""A worker's own parts around the services of the house."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.media.decoders import Decoders
from app.media.sandbox import Limits
from app.stores.resources import EXPRESS_QUEUE
from app.worker.attempt import Attempts
from app.worker.pipeline import Pipeline
from tests.house import House
from tests.worker.bench import Bench

SMALL_FILE_BYTES = 10_000
"""A child that writes a larger rendition dies of SIGXFSZ: honest poison, made of any detailed picture."""


@pytest.fixture
async def bench(house: House, tmp_path: Path) -> AsyncIterator[Bench]:
    decoders = Decoders.start(slots=2, limits=Limits(file_bytes=SMALL_FILE_BYTES))
    try:
        pipeline = Pipeline(house.base.amazon.objects, house.work, decoders, tmp_path, house.base.clock)
        attempts = Attempts(
            house.work, pipeline, house.base.amazon.queues, EXPRESS_QUEUE, house.base.cache.nudges, house.base.clock
        )
        yield Bench(house, attempts, decoders, tmp_path)
    finally:
        await decoders.aclose()
