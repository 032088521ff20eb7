"""What a job needs: decoders and a scratch folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.media.decoders import Decoders


@pytest.fixture
async def decoders() -> AsyncIterator[Decoders]:
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
