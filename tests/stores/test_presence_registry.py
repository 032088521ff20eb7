"""A notice that a process posts about itself is visible to all processes until it expires."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.stores.signals import Signals
from darkroom_shared.ids import new_ulid


@pytest.fixture
async def signals(valkey_url: str) -> AsyncIterator[Signals]:
    async with Signals(valkey_url) as signals:
        yield signals


async def test_notices_of_several_processes_coexist(signals: Signals) -> None:
    registry = new_ulid()
    await signals.presence.post(registry, "one", seconds=60)
    await signals.presence.post(registry, "two", seconds=60)
    await signals.presence.post(registry, "one", seconds=60)
    assert set(await signals.presence.read(registry) or ()) == {"one", "two"}


async def test_a_notice_that_is_not_repeated_expires(signals: Signals) -> None:
    registry = new_ulid()
    await signals.presence.post(registry, "staying", seconds=60)
    await signals.presence.post(registry, "leaving", seconds=1)
    async with asyncio.timeout(60):
        while await signals.presence.read(registry) != ("staying",):  # noqa: ASYNC110  # no event of Redis's clock
            await asyncio.sleep(0.1)


async def test_an_empty_registry_differs_from_an_unavailable_redis(signals: Signals) -> None:
    assert await signals.presence.read(new_ulid()) == ()
    async with Signals("redis://127.0.0.1:1/0") as nowhere:
        await nowhere.presence.post("any", "lost", seconds=60)
        assert await nowhere.presence.read("any") is None
