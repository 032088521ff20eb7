"""No read is stale under chaos; without any single rule of the protocol some reads are."""

import random

import pytest

from tests.cache_chaos.ablations import ABLATIONS
from tests.cache_chaos.chaos import run_chaos

ENGINES = ("valkey", "redis")
SOON_CAUGHT = {"no_fence": True, "no_outbox": False}
"""Caught in less than a minute, by the reader's lag alone (a calm run) or by faults; the others need some minutes at
times.
"""
CAUGHT_SECONDS = 900
"""A run ends at its first stale read; this is for a machine with no CPU time to spare."""


def _seed() -> int:
    return random.SystemRandom().randrange(2**32)


async def test_no_read_is_stale_under_chaos() -> None:
    seed = _seed()
    outcome = await run_chaos("valkey", operations=20_000, seconds=10, seed=seed)
    assert outcome.stale == 0, f"seed {seed}: {outcome}"
    assert outcome.operations > 0


@pytest.mark.tier("full", "ablations")
@pytest.mark.timeout(CAUGHT_SECONDS + 60)
@pytest.mark.parametrize("ablation", SOON_CAUGHT)
async def test_a_protocol_without_one_of_its_rules_is_caught_soon(ablation: str) -> None:
    seed, calm = _seed(), SOON_CAUGHT[ablation]
    outcome = await run_chaos(
        "valkey", operations=1_000_000, seconds=CAUGHT_SECONDS, seed=seed, ablation=ablation, calm=calm
    )
    assert outcome.stale > 0, f"seed {seed}: {outcome}"


@pytest.mark.tier("all", "long runs")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("engine", ENGINES)
async def test_no_read_is_stale_in_a_million_operations_under_chaos(engine: str) -> None:
    seed = _seed()
    outcome = await run_chaos(engine, operations=1_000_000, seconds=7000, seed=seed)
    assert outcome.stale == 0, f"seed {seed}: {outcome}"
    assert outcome.operations >= 1_000_000


@pytest.mark.tier("all", "long runs")
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("ablation", ABLATIONS)
async def test_a_protocol_without_any_one_of_its_rules_is_caught(ablation: str) -> None:
    seed = _seed()
    outcome = await run_chaos("valkey", operations=1_000_000, seconds=2300, seed=seed, ablation=ablation)
    assert outcome.stale > 0, f"seed {seed}: {outcome}"


def test_there_are_twenty_ablations() -> None:
    assert len(ABLATIONS) == 20
