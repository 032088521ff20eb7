"""A failure after the commit does not fail the request: the item is queued, and the sweeper sends its message later."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.stores.resources import EXPRESS_QUEUE
from shared.items import ItemState
from tests.servers import free_port
from tests.services import ManualClock, Services, Stores, open_services
from tests.worker.harness import a_tiny_photo


@pytest.fixture
async def without_queues(stores: Stores, clock: ManualClock) -> AsyncIterator[Services]:
    """Services of a process that cannot reach SQS."""
    async with open_services(stores, clock, sqs_endpoint=f"http://127.0.0.1:{free_port()}") as opened:
        yield opened


async def test_an_upload_completes_without_the_queue_and_is_sent_once_it_is_back(
    without_queues: Services, services: Services, clock: ManualClock
) -> None:
    row, upload = await without_queues.create(content := a_tiny_photo())
    await without_queues.put(upload, content)
    completed = (await without_queues.completion.complete(row, None)).row
    assert (completed.state, completed.sent_at) == (ItemState.QUEUED, None)
    clock.advance(seconds=31)
    await services.maintenance.process(row.account_id, row.item_id)
    sent = await services.row(row)
    assert sent.sent_at == clock.now
    expected = {"account_id": row.account_id, "item_id": row.item_id}
    while expected not in (bodies := await _receive(services)):
        assert bodies, "the message was not sent"


async def _receive(services: Services) -> list[dict[str, Any]]:
    messages = await services.base.amazon.queues.receive(EXPRESS_QUEUE, limit=10, wait_seconds=0)
    return [message.body for message in messages]


async def test_a_retry_is_accepted_without_the_queue(without_queues: Services) -> None:
    row, upload = await without_queues.create(content := a_tiny_photo())
    await without_queues.put(upload, content)
    row = (await without_queues.completion.complete(row, None)).row
    row = await without_queues.items.cancel(row)
    again = await without_queues.items.retry(row, None)
    assert (again.state, again.sent_at) == (ItemState.QUEUED, None)
