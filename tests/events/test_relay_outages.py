"""The relay while SNS is away or slow, or while another relay works: projections do not wait, little is sent twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from app.events.service import relay as relay_module
from app.events.service.nudging import ProjectionNudges
from app.events.service.relay import LEASE, RelayService
from app.events.store.cursors import CursorStore
from app.events.store.log import PAGE_HEADS, EventStore
from app.jobs.loop import running
from app.stores.dynamo import Dynamo, Refused
from app.stores.resources import COMPLETIONS_TOPIC, NUDGES_QUEUE, shard_of
from app.stores.sns import Topics
from app.stores.sqs import Queues
from app.worker.relay import CONCURRENT_ACCOUNTS, Hints, Relay
from darkroom_shared.ids import AccountId, new_account_id
from darkroom_shared.problems import Unavailable
from tests.events.appending import append_completions
from tests.jobs.aws_faults import AwsFaults, FaultyClient
from tests.services import ManualClock, Services

PLENTY_SECONDS = 60


class Sns:
    """The client of an SNS that accepts messages up to a number, and then fails or is silent."""

    def __init__(self) -> None:
        self.published: list[int] = []
        self.last_accepted = 1_000
        self.is_silent = False
        self.waiting = 0

    async def publish(self, **call: Any) -> None:
        number = json.loads(call["Message"])["number"]
        if number <= self.last_accepted:
            self.published.append(number)
        elif self.is_silent:
            self.waiting += 1
            await asyncio.Event().wait()
        else:
            raise EndpointConnectionError(endpoint_url="http://nowhere")


class PausedClient:
    """A client of DynamoDB whose first write waits for `resume`."""

    def __init__(self, client: Any) -> None:
        self._client, self.paused, self.resume = client, asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def update_item(self, **call: Any) -> Any:
        self.paused.set()
        await self.resume.wait()
        return await self._client.update_item(**call)


class Harness:
    """Relays on a scripted SNS, with the test's own projection; counts the calls of SQS."""

    def __init__(self, services: Services, cursors: CursorStore, name: str) -> None:
        self._services, self._cursors, self._name = services, cursors, name
        self.sns, self.calls, self.store = Sns(), AwsFaults(), services.base.events.store

    def relay(self, store: EventStore | None = None) -> RelayService:
        client: Any = FaultyClient(self._services.base.amazon.queues._client, self.calls)
        sns: Any = self.sns
        return RelayService(
            store=store or self.store,
            topics=Topics(sns, {COMPLETIONS_TOPIC: "arn:completions"}),
            projections=ProjectionNudges(self._cursors, Queues(client, client), [self._name]),
            clock=self._services.base.clock,
        )

    async def append(self, account: AccountId, count: int = 1) -> None:
        await append_completions(self._services.base.events.log, account, count)

    async def is_announced(self, account: AccountId, number: int = 1) -> bool:
        cursor = await self._cursors.get(self._name, account)
        return cursor is not None and cursor.wanted == number

    async def until_nudged(self, account: AccountId) -> None:
        nudged: set[object] = set()
        async with asyncio.timeout(PLENTY_SECONDS):
            while account not in nudged:
                messages = await self._services.base.amazon.queues.receive(NUDGES_QUEUE, limit=10)
                nudged |= {message.body["account_id"] for message in messages}

    @asynccontextmanager
    async def loops(self, hints: Hints) -> AsyncIterator[None]:
        async with running(Relay(self.relay(), hints).run(asyncio.Event())):
            yield


@pytest.fixture
def harness(services: Services, cursors: CursorStore, name: str) -> Harness:
    return Harness(services, cursors, name)


async def test_no_account_waits_for_a_silent_sns_until_its_projections_are_woken(harness: Harness) -> None:
    harness.sns.last_accepted, harness.sns.is_silent, hints = 0, True, Hints()
    async with harness.loops(hints), asyncio.timeout(PLENTY_SECONDS):
        for account in (new_account_id() for _ in range(CONCURRENT_ACCOUNTS)):
            await harness.append(account)
            hints.add(account)
        while harness.sns.waiting < 1:  # noqa: ASYNC110  no event to await
            await asyncio.sleep(0.05)
        later = new_account_id()
        await harness.append(later)
        hints.add(later)
        while not await harness.is_announced(later):  # noqa: ASYNC110  no event to await
            await asyncio.sleep(0.05)
        await harness.until_nudged(later)


async def test_every_account_of_a_shard_is_announced_while_sns_is_away(harness: Harness) -> None:
    shard = shard_of(new_account_id())
    accounts: list[AccountId] = []
    while len(accounts) < PAGE_HEADS + 5:
        account = new_account_id()
        if shard_of(account) == shard:
            accounts.append(account)
    await asyncio.gather(*(harness.append(account) for account in accounts))
    harness.sns.last_accepted = 0
    await Relay(harness.relay(), Hints()).process(int(shard))
    assert [account for account in accounts if not await harness.is_announced(account)] == []


async def test_after_a_failure_the_next_relay_continues_with_the_event_that_failed(
    harness: Harness, services: Services
) -> None:
    relay = harness.relay()
    await harness.append(services.account, 50)
    harness.sns.last_accepted = 29
    with pytest.raises(Unavailable):
        await relay.relay(services.account)
    assert (await harness.store.head(services.account)).relayed == 29
    harness.sns.last_accepted = 50
    assert await relay.relay(services.account) == 21
    assert harness.sns.published == list(range(1, 51))
    assert (await harness.store.head(services.account)).behind_since is None
    assert harness.calls.calls.count("send_message") == 1, "an outage of SNS repeats no nudge"


async def test_a_slow_sns_does_not_outlast_the_lease(
    harness: Harness, services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "PUBLISH_SECONDS", 1.0)
    await harness.append(services.account, 5)
    harness.sns.last_accepted, harness.sns.is_silent = 2, True
    async with asyncio.timeout(PLENTY_SECONDS):
        assert await harness.relay().relay(services.account) == 2
        with pytest.raises(Unavailable):
            await harness.relay().relay(services.account)
    assert (await harness.store.head(services.account)).relayed == 2
    assert await harness.store.lease_relay(services.account, now=clock(), until=clock() + LEASE), (
        "the lease is released"
    )


async def test_a_relay_that_stalls_before_its_lease_publishes_nothing_again(
    harness: Harness, services: Services
) -> None:
    await harness.append(services.account, 3)
    client: Any = PausedClient(services.base.amazon.dynamo._client)
    stalled = asyncio.create_task(harness.relay(EventStore(Dynamo(client))).relay(services.account))
    await client.paused.wait()
    assert await harness.relay().relay(services.account) == 3
    client.resume.set()
    assert await stalled == 0
    assert harness.sns.published == [1, 2, 3]


async def test_a_relay_paused_past_its_lease_records_nothing(
    harness: Harness, services: Services, clock: ManualClock
) -> None:
    await harness.append(services.account, 3)
    late = clock() + LEASE
    assert await harness.store.lease_relay(services.account, now=clock(), until=late)
    clock.advance(seconds=31)
    assert await harness.store.lease_relay(services.account, now=clock(), until=clock() + LEASE)
    for number, finished in ((2, False), (3, True)):
        with pytest.raises(Refused):
            await harness.store.record_relayed(services.account, number, until=late, finished=finished)
    assert not await harness.store.lease_relay(services.account, now=clock(), until=clock() + LEASE)
