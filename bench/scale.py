"""The size of a benchmark: full, or the part that DARKROOM_BENCH_SCALE names."""

import os

VARIABLE = "DARKROOM_BENCH_SCALE"


def scaled(full: int, minimum: int = 1) -> int:
    """Return the size to measure with. `minimum` is the smallest one whose figure is still meaningful."""
    return max(minimum, round(full * float(os.environ.get(VARIABLE, "1"))))
