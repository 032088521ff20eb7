"""Run the cache's chaos test in full: stale reads in 10^6 operations over four processes, half on each Redis engine."""

import asyncio
import os
import random
import sys

from bench.scale import scaled
from tests.cache_chaos.chaos import run_chaos

FIGURES = ("stale_reads",)

OPERATIONS = int(os.environ.get("CHAOS_OPERATIONS", scaled(1_000_000)))
"""10^7 from time to time."""
LIMIT_SECONDS = 3600.0 * 12
ENGINES = ("valkey", "redis")


def main() -> None:
    operations = stale = 0
    for engine in ENGINES:
        seed = random.SystemRandom().randrange(2**32)
        outcome = asyncio.run(run_chaos(engine, OPERATIONS // len(ENGINES), LIMIT_SECONDS, seed))
        print(f"{engine}: {outcome.operations} operations, {outcome.stale} stale, seed {seed}", flush=True)
        sys.stdout.writelines(f"{line}\n" for line in outcome.lines)
        operations, stale = operations + outcome.operations, stale + outcome.stale
    if stale == 0 and operations < OPERATIONS:
        raise SystemExit(f"only {operations} operations were done")
    print(f"figure stale_reads {stale}")


if __name__ == "__main__":
    main()
