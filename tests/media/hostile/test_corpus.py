"""A malicious file is refused with a plain message or decoded within its limits, without any side effect."""

from pathlib import Path

import pytest

from app.media.decoders import Decoders
from tests.media.hostile.corpus import FORMATS
from tests.media.hostile.survival import LIMIT_SECONDS, set_trap, violations
from tests.media.sample_images import sample


@pytest.mark.parametrize("kind", FORMATS)
async def test_no_malicious_file_has_a_side_effect(kind: str, tmp_path: Path) -> None:
    decoders = Decoders.start(slots=1)
    try:
        async with set_trap(tmp_path) as watch:
            all_violations = {}
            for name, content in FORMATS[kind](watch.trap).items():
                all_violations[name] = await violations(decoders, watch, content, tmp_path)
        assert not {name: each for name, each in all_violations.items() if each}
        template = decoders.template_pid
        folder = tmp_path / "next"
        folder.mkdir()
        made = await decoders.make_image(sample("private.jpg"), folder, limit_seconds=LIMIT_SECONDS)
        assert made.width == 160
        assert decoders.template_pid == template
    finally:
        await decoders.aclose()


async def test_the_corpus_is_large_and_the_trap_works(tmp_path: Path) -> None:
    async with set_trap(tmp_path) as watch:
        files = {(kind, name) for kind, make in FORMATS.items() for name in make(watch.trap)}
        assert len(files) >= 60
