"""How large a benchmark is: at its full size, or at the part of it that DARKROOM_BENCH_SCALE says."""

import os

VARIABLE = "DARKROOM_BENCH_SCALE"


def scaled(full: int, least: int = 1) -> int:
    """The size to measure with. `least` is the smallest one whose figure still says something."""
    return max(least, round(full * float(os.environ.get(VARIABLE, "1"))))
