"""A call that a time limit of its caller ends is counted: its service does not respond."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.jobs.after_commit import try_after_commit
from app.stores.amazon import READ_SECONDS
from app.stores.aws_errors import NO_RESPONSE_SECONDS, ErrorClass
from app.stores.clients import AmazonStores
from app.stores.resources import BULK_QUEUE, ITEMS_TABLE
from app.stores.sqs import POLL_READ_SECONDS
from darkroom_process.asgi_types import Receive, Scope, Send
from local.asgi import wait_for_disconnect
from tests.stores.aws_clients import open_clients
from tests.web.servers import serving

KEY = {"account_id": "acc_1", "item_id": "itm_1"}


async def _never_respond(_scope: Scope, receive: Receive, _send: Send) -> None:
    await wait_for_disconnect(receive)


@pytest.fixture
async def aws() -> AsyncIterator[AmazonStores]:
    """The clients of services that accept connections and never respond."""
    with serving(_never_respond, lifespan="off") as url:
        async with AsyncExitStack() as stack:
            yield await open_clients(stack, url)


async def test_a_call_that_is_cut_after_a_commit_is_counted_as_unreachable(aws: AmazonStores) -> None:
    sent = await try_after_commit(aws.queues.send(BULK_QUEUE, {}, group="acc_1"), "send")
    assert sent is None
    assert [(each.service, each.error_class, each.count) for each in aws.errors.counts()] == [
        ("SQS", ErrorClass.UNREACHABLE, 1)
    ]


async def test_a_call_that_is_cancelled_early_is_not_counted(aws: AmazonStores) -> None:
    call = asyncio.create_task(aws.dynamo.get(ITEMS_TABLE, KEY))
    await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.wait({call})
    assert not aws.errors.counts()


async def test_a_long_poll_or_transfer_that_is_cancelled_is_not_counted(aws: AmazonStores) -> None:
    aws.queues._urls[BULK_QUEUE] = "http://127.0.0.1/1/bulk"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(NO_RESPONSE_SECONDS * 1.5):
            await asyncio.gather(
                aws.queues.receive(BULK_QUEUE, limit=1), aws.objects.upload_part("key", "upload", 1, b"x")
            )
    assert not aws.errors.counts()


async def test_only_a_long_poll_waits_longer_for_a_response_of_sqs(aws: AmazonStores) -> None:
    queues: Any = aws.queues
    assert queues._client.meta.config.read_timeout == READ_SECONDS
    assert queues._polling.meta.config.read_timeout == POLL_READ_SECONDS
