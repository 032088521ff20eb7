"""What a job needs: decoders and a scratch folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.media.decoders import Decoders


@pytest_asyncio.fixture(scope="module")
async def decoders() -> AsyncIterator[Decoders]:
    """The decoders of a module: to start them takes 0.7 s of CPU."""
    decoders = Decoders.start(slots=2)
    try:
        yield decoders
    finally:
        await decoders.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The scratch folder of a job."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch
