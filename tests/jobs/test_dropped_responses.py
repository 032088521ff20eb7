"""A write whose response is dropped has taken effect: the job must not pay for it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from app.jobs.claim import ClaimLost
from darkroom_shared.problems import Unavailable
from tests.jobs.dropped_responses import Drop, DroppedResponses
from tests.jobs.kinds import COUNTED, KINDS
from tests.services import ManualClock, Services, Stores, open_services


@pytest.fixture
async def dropping(stores: Stores, clock: ManualClock) -> AsyncIterator[tuple[Services, DroppedResponses]]:
    """Services of their own, because their client is replaced."""
    async with open_services(stores, clock) as services:
        dynamo: Any = services.base.amazon.dynamo
        dynamo._client = responses = DroppedResponses(dynamo._client)
        yield services, responses


@pytest.mark.parametrize("name", COUNTED)
async def test_a_write_that_the_sdk_repeats_counts_no_lost_attempt(
    name: str, dropping: tuple[Services, DroppedResponses], clock: ManualClock
) -> None:
    services, responses = dropping
    job = KINDS[name](services, clock)

    async def with_drop(step: Callable[..., Awaitable[Any]], *claimed: Any) -> Any:
        responses.drops.append(Drop.REPEATED)
        return await step(*claimed)

    await with_drop(job.start)
    claimed = await with_drop(job.claim)
    assert not responses.drops
    await with_drop(job.renew, claimed)
    with suppress(ClaimLost):  # an export is returned already when its rule is applied again
        await with_drop(job.return_claim, claimed)
    await with_drop(job.finish, await with_drop(job.claim))
    assert await job.lost_attempts() == 0
    assert not await job.has_failed()


@pytest.mark.parametrize("name", COUNTED)
async def test_a_claim_without_a_response_is_returned(
    name: str, dropping: tuple[Services, DroppedResponses], clock: ManualClock
) -> None:
    services, responses = dropping
    job = KINDS[name](services, clock)
    await job.start()
    responses.drops += [Drop.RAISED, Drop.RAISED]  # of the claim and of its return
    with pytest.raises(Unavailable):
        await job.claim()
    assert not responses.drops
    await job.finish(await job.claim())
    assert await job.lost_attempts() == 0
    assert not await job.has_failed()


async def test_a_claim_that_was_not_written_is_not_returned(
    dropping: tuple[Services, DroppedResponses], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage must not cause further calls, which can change nothing."""
    services, responses = dropping
    job, reads = KINDS["express"](services, clock), 0
    await job.start()

    async def unreachable(**_: Any) -> None:
        nonlocal reads
        reads += 1
        raise ConnectionError

    monkeypatch.setattr(responses, "get_item", unreachable, raising=False)
    with pytest.raises(Unavailable):
        await job.claim()
    assert reads == 1
