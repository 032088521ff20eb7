"""What is told to the outside: each completion event at least once, and the head knows how far that went."""

import asyncio
import json
from typing import Any

import botocore.session
import pytest

from app.events.log import NewEvent
from shared.events import EventType
from tests.house import KEY_ID, REGION, SECRET, House, ManualClock, Stores


class Subscription:
    """A queue of the test's own that hears the topic, through the real protocol."""

    def __init__(self, stores: Stores, account: str) -> None:
        session: Any = botocore.session.Session()  # its clients are made at run time, without types
        options = {"region_name": REGION, "aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        self._sqs = session.create_client("sqs", endpoint_url=stores.queues, **options)
        sns = session.create_client("sns", endpoint_url=stores.queues, **options)
        self._url = self._sqs.create_queue(QueueName=f"heard-{account[-20:]}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        (topic,) = [each["TopicArn"] for each in sns.list_topics()["Topics"]]
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"FilterPolicy": json.dumps({"account_id": [account]}), "RawMessageDelivery": "true"},
        )

    def heard(self) -> list[dict[str, Any]]:
        bodies = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return sorted(bodies, key=lambda body: body["number"])


@pytest.fixture
async def subscription(stores: Stores, house: House) -> Subscription:
    return await asyncio.to_thread(Subscription, stores, house.account)


async def append(house: House, type_: EventType) -> None:
    await house.base.events.log.append(house.account, [NewEvent(type_, "itm", {"kind": "image"})])


async def test_completion_events_are_published_in_order_and_nothing_else_is(
    house: House, subscription: Subscription
) -> None:
    for type_ in (EventType.ITEM_CREATED, EventType.ITEM_READY, EventType.ITEM_UPDATED, EventType.ITEM_FAILED):
        await append(house, type_)
    assert await house.relay.relay(house.account) == 2
    heard = await asyncio.to_thread(subscription.heard)
    assert [(body["number"], body["type"], body["account_id"]) for body in heard] == [
        (2, "item.ready", house.account),
        (4, "item.failed", house.account),
    ]
    head = await house.base.events.log.head(house.account)
    assert (head.relayed, head.behind_since) == (4, None)
    assert await house.relay.relay(house.account) == 0


async def test_several_relays_at_once_tell_a_thing_once(house: House, subscription: Subscription) -> None:
    await append(house, EventType.ITEM_READY)
    await asyncio.gather(*(house.relay.relay(house.account) for _ in range(5)))
    assert len(await asyncio.to_thread(subscription.heard)) == 1


async def test_a_relay_that_died_is_followed_by_another_after_its_lease(
    house: House, subscription: Subscription, clock: ManualClock
) -> None:
    await append(house, EventType.ITEM_READY)
    now = clock()
    clock.advance(seconds=30)
    assert await house.base.events.store.lease_relay(house.account, now=now, until=clock())
    clock.advance(seconds=1)
    assert await house.relay.relay(house.account) == 1
    assert len(await asyncio.to_thread(subscription.heard)) == 1


async def test_what_waits_for_the_relay_is_found_and_counted_as_late(house: House, clock: ManualClock) -> None:
    await append(house, EventType.ITEM_CREATED)
    shards = [await house.relay.behind(shard) for shard in range(16)]
    assert [house.account for shard in shards if house.account in shard] == [house.account]
    clock.advance(minutes=2)
    late = await house.relay.late(clock())
    await house.relay.relay(house.account)
    assert await house.relay.late(clock()) == late - 1
