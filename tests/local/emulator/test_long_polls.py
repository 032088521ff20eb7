"""A long poll returns when a message arrives, and the emulator refuses web pages and control paths."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aioboto3
import httpx
import pytest
import pytest_asyncio

from darkroom_shared.task_group import TaskGroup
from tests.servers import ACCESS_KEY_ID, SECRET_ACCESS_KEY, running_queues
from tests.signed import signed_headers

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with running_queues() as endpoint:
        yield endpoint


@pytest_asyncio.fixture
async def sqs(endpoint: str) -> AsyncIterator["SQSClient"]:
    session = aioboto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name="us-east-1")
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(session.client("sqs", endpoint_url=endpoint))


async def test_every_waiting_poll_gets_a_message_and_no_message_is_delivered_twice(sqs: "SQSClient") -> None:
    url = (await sqs.create_queue(QueueName="many"))["QueueUrl"]
    async with TaskGroup() as group:
        polls = [group.create_task(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)) for _ in range(4)]
        await asyncio.sleep(0.05)
        for number in range(4):
            await sqs.send_message(QueueUrl=url, MessageBody=str(number))
    bodies = [message["Body"] for poll in polls for message in poll.result()["Messages"]]
    assert sorted(bodies) == ["0", "1", "2", "3"]


async def test_a_poll_returns_no_message_after_its_wait_time(sqs: "SQSClient") -> None:
    url = (await sqs.create_queue(QueueName="empty"))["QueueUrl"]
    assert "Messages" not in await sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)


async def test_a_waiting_poll_gets_a_message_that_becomes_visible_again(sqs: "SQSClient") -> None:
    url = (await sqs.create_queue(QueueName="again"))["QueueUrl"]
    await sqs.send_message(QueueUrl=url, MessageBody="photo")
    await sqs.receive_message(QueueUrl=url, VisibilityTimeout=1)
    again = await sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    assert again["Messages"][0]["Body"] == "photo"


async def test_a_disconnected_client_receives_no_message(sqs: "SQSClient", endpoint: str) -> None:
    url = (await sqs.create_queue(QueueName="left"))["QueueUrl"]
    poll = asyncio.create_task(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20))
    await asyncio.sleep(0.1)
    poll.cancel()
    await asyncio.wait({poll})
    await sqs.send_message(QueueUrl=url, MessageBody="photo")
    received = await sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    assert received["Messages"][0]["Body"] == "photo"


async def test_web_pages_and_control_paths_are_refused(endpoint: str) -> None:
    async with httpx.AsyncClient(base_url=endpoint, timeout=60) as client:
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.post("/", headers={"Origin": "https://example.org"})).status_code == 403
        assert (await client.post("/_ministack/reset")).status_code == 403
        ours = signed_headers("POST", f"{endpoint}/_ministack/reset", b"", "sqs")
        assert (await client.post("/_ministack/reset", headers=ours)).status_code == 404
        assert (await client.get("/readyz", headers={"Host": "rebound.example.org"})).status_code == 400
