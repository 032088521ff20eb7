"""Count the ablations of the cache's protocol, of twenty, that the chaos run catches within 10^6 operations each."""

import asyncio
import random

from bench.scale import scaled
from tests.cache_chaos.ablations import ABLATIONS
from tests.cache_chaos.chaos import run_chaos

FIGURES = ("ablations_caught",)

OPERATIONS, LIMIT_SECONDS = scaled(1_000_000), 3600.0


def main() -> None:
    caught = 0
    for name in ABLATIONS:
        seed = random.SystemRandom().randrange(2**32)
        outcome = asyncio.run(run_chaos("valkey", OPERATIONS, LIMIT_SECONDS, seed, name))
        caught += outcome.stale > 0
        verdict = "caught" if outcome.stale else "NOT caught"
        print(f"{name}: {verdict} after {outcome.operations} operations, seed {seed}", flush=True)
    print(f"figure ablations_caught {caught}")


if __name__ == "__main__":
    main()
