"""Two installations in one AWS account: names with another prefix are other tables and queues."""

import asyncio
import uuid
from contextlib import AsyncExitStack

from app.stores.clients import AmazonStores, Endpoints, open_amazon
from app.stores.dynamo import Condition, Query, put
from app.stores.resources import BULK_QUEUE, RECEIPTS_TABLE
from tests.aws_environment import aws_credentials
from tests.services import BUCKET, REGION, TOPIC_ARN, Stores, create_resources

KEY = {"item_id": "itm_1", "step_key": "1"}


async def open_with(stack: AsyncExitStack, stores: Stores, prefix: str) -> AmazonStores:
    endpoints = Endpoints(stores.tables, stores.objects, stores.objects, stores.queues, stores.queues)
    with aws_credentials():
        return await open_amazon(stack, endpoints, region=REGION, bucket=BUCKET, topic_arn=TOPIC_ARN, prefix=prefix)


async def test_rows_and_messages_of_one_prefix_are_invisible_to_another(stores: Stores) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}-"
    await asyncio.to_thread(create_resources, stores, prefix)
    of_item = Condition("item_id = :item", values={":item": "itm_1"})
    async with AsyncExitStack() as stack:
        one, other = await open_with(stack, stores, prefix), await open_with(stack, stores, "darkroom-")
        await one.dynamo.transact([put(RECEIPTS_TABLE, KEY, {"step": "made"})], "token")
        assert [await aws.dynamo.get(RECEIPTS_TABLE, KEY) is None for aws in (one, other)] == [False, True]
        assert [len(await aws.dynamo.get_many(RECEIPTS_TABLE, [KEY])) for aws in (one, other)] == [1, 0]
        assert [await aws.dynamo.count(Query(RECEIPTS_TABLE, of_item)) for aws in (one, other)] == [1, 0]
        assert [len((await aws.dynamo.query(Query(RECEIPTS_TABLE, of_item))).rows) for aws in (one, other)] == [1, 0]
        assert len((await one.dynamo.scan(RECEIPTS_TABLE))[0]) == 1
        await one.dynamo.delete_many(RECEIPTS_TABLE, [KEY])
        assert await one.dynamo.get(RECEIPTS_TABLE, KEY) is None
        await one.queues.send(BULK_QUEUE, {}, group="acc_1")
        assert (await one.queues.depth(BULK_QUEUE))["waiting"] == 1
