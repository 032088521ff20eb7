"""The relay publishes each completion event at least once, and the head holds the number of the last one."""

import asyncio
import json
from typing import Any

import botocore.session
import pytest

from app.events.service.log import NewEvent
from app.events.service.relay import LEASE
from darkroom_shared.events import EventType
from tests.events.appending import LARGE_BYTES, append_completions
from tests.services import KEY_ID, REGION, SECRET, ManualClock, Services, Stores


class Subscription:
    """A queue of the test's own, subscribed to the topic through SNS's protocol."""

    def __init__(self, stores: Stores, account: str) -> None:
        session: Any = botocore.session.Session()  # botocore makes its clients at run time, without types
        options = {"region_name": REGION, "aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        self._sqs = session.create_client("sqs", endpoint_url=stores.queues, **options)
        sns = session.create_client("sns", endpoint_url=stores.queues, **options)
        self._url = self._sqs.create_queue(QueueName=f"received-{account[-20:]}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        (topic,) = [each["TopicArn"] for each in sns.list_topics()["Topics"]]
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"FilterPolicy": json.dumps({"account_id": [account]}), "RawMessageDelivery": "true"},
        )

    def received(self) -> list[dict[str, Any]]:
        bodies = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return sorted(bodies, key=lambda body: body["number"])


@pytest.fixture
async def subscription(stores: Stores, services: Services) -> Subscription:
    return await asyncio.to_thread(Subscription, stores, services.account)


async def append(services: Services, type_: EventType) -> None:
    await services.base.events.log.append(services.account, [NewEvent(type_, "itm", {"kind": "image"})])


async def test_only_completion_events_are_published_and_in_order(
    services: Services, subscription: Subscription
) -> None:
    for type_ in (EventType.ITEM_CREATED, EventType.ITEM_READY, EventType.ITEM_UPDATED, EventType.ITEM_FAILED):
        await append(services, type_)
    assert await services.relay.relay(services.account) == 2
    received = await asyncio.to_thread(subscription.received)
    assert [(body["number"], body["type"], body["account_id"]) for body in received] == [
        (2, "item.ready", services.account),
        (4, "item.failed", services.account),
    ]
    head = await services.base.events.log.head(services.account)
    assert (head.relayed, head.behind_since) == (4, None)
    assert await services.relay.relay(services.account) == 0


async def test_several_concurrent_relays_publish_once(services: Services, subscription: Subscription) -> None:
    await append(services, EventType.ITEM_READY)
    await asyncio.gather(*(services.relay.relay(services.account) for _ in range(5)))
    assert len(await asyncio.to_thread(subscription.received)) == 1


async def test_a_crashed_relay_is_replaced_after_its_lease(
    services: Services, subscription: Subscription, clock: ManualClock
) -> None:
    await append(services, EventType.ITEM_READY)
    assert await services.base.events.store.lease_relay(services.account, now=clock(), until=clock() + LEASE)
    clock.now += LEASE
    assert await services.relay.relay(services.account) == 1
    assert len(await asyncio.to_thread(subscription.received)) == 1


async def test_events_of_more_than_one_page_of_dynamodb_are_all_published(
    services: Services, subscription: Subscription
) -> None:
    await append_completions(services.base.events.log, services.account, 200, LARGE_BYTES)
    while await services.relay.relay(services.account):
        pass
    received = await asyncio.to_thread(subscription.received)
    assert [body["number"] for body in received] == list(range(1, 201))
    head = await services.base.events.log.head(services.account)
    assert (head.relayed, head.behind_since) == (200, None)


async def test_accounts_waiting_for_the_relay_are_listed_and_counted_as_late(
    services: Services, clock: ManualClock
) -> None:
    await append(services, EventType.ITEM_CREATED)
    waiting = [account for shard in range(16) async for page in services.relay.behind(shard) for account in page]
    assert waiting.count(services.account) == 1
    clock.advance(minutes=2)
    late = await services.relay.late(clock())
    await services.relay.relay(services.account)
    assert await services.relay.late(clock()) == late - 1
