"""Measure the share of hostile files that the decoders survive: refused with a clear message, or made within the
limits.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from app.media.decoders import Decoders
from tests.media.hostile.corpus import FORMATS
from tests.media.hostile.survival import set_trap, violations

FIGURES = ("hostile_survived",)


def main() -> None:
    decoders = Decoders.start(slots=1)
    with tempfile.TemporaryDirectory(prefix="darkroom-hostile-") as name:
        asyncio.run(_measure(decoders, Path(name)))


async def _measure(decoders: Decoders, folder: Path) -> None:
    survived = processed = 0
    slowest = (0.0, "none")
    try:
        async with set_trap(folder) as watch:
            for kind, make in FORMATS.items():
                for file, content in make(watch.trap).items():
                    began = time.perf_counter()
                    measured = await violations(decoders, watch, content, folder)
                    slowest = max(slowest, (time.perf_counter() - began, file))
                    processed, survived = processed + 1, survived + (not measured)
                    for message in measured:
                        print(f"{kind}: {file}: {message}")
    finally:
        await decoders.aclose()
    print(f"{survived} of {processed} survived; the slowest, {slowest[1]}, took {slowest[0]:.1f} s")
    print(f"figure hostile_survived {survived / processed:.3f}")


if __name__ == "__main__":
    main()
