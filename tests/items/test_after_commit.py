"""A failure after the commit does not fail the request or change its error: what is left is repaired later."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.items.service.requests import Requests
from app.items.service.uploads import UploadService
from app.items.store import ItemStore
from app.stores.resources import EXPRESS_QUEUE
from app.stores.s3 import ObjectStore
from darkroom_shared.items import CreateItem, ItemState, PartRequest
from darkroom_shared.problems import Problem, Unavailable, WrongState
from darkroom_shared.uploads import SINGLE_PUT_BYTES
from tests.servers import free_port
from tests.services import BUCKET, ManualClock, Services, Stores, open_services
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
    row = await without_queues.item_actions.cancel(row)
    again = await without_queues.item_actions.retry(row, None)
    assert (again.state, again.sent_at) == (ItemState.QUEUED, None)


def _uploads(services: Services, objects: ObjectStore) -> UploadService:
    store = ItemStore(services.base.amazon.dynamo)
    return UploadService(
        store=store,
        changes=services.base.items.changes,
        requests=Requests(store, services.base.clock),
        objects=objects,
        clock=services.base.clock,
    )


async def test_no_item_is_created_if_its_upload_cannot_be_signed(services: Services) -> None:
    amazon = services.base.amazon
    unsigned = ObjectStore(amazon.objects._client, amazon.objects._public, "no bucket has this name")
    uploads = _uploads(services, unsigned)
    body = CreateItem(name="a.jpg", size_bytes=9, content_type="image/jpeg", digest=f"sha256:{'0' * 64}")
    with pytest.raises(Problem):
        await uploads.create(services.account, body, None)
    assert await ItemStore(amazon.dynamo).count_rows(services.account) == {"items": 0, "requests": 0, "receipts": 0}


class _NoAbort(ObjectStore):
    """S3 that can no longer be reached when an upload is aborted."""

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        raise Unavailable


async def test_a_cancelled_item_is_reported_although_its_upload_cannot_be_aborted(services: Services) -> None:
    amazon = services.base.amazon
    objects = _NoAbort(amazon.objects._client, amazon.objects._public, BUCKET)
    uploads = _uploads(services, objects)
    body = CreateItem(name="a.mp4", size_bytes=SINGLE_PUT_BYTES + 1, content_type="video/mp4")
    row = (await uploads.create(services.account, body, None)).row
    await services.item_actions.cancel(row)
    with pytest.raises(WrongState):
        await uploads.presign_parts(row, (PartRequest(number=1, sha256="0" * 64),))
