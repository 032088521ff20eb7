"""Uploads: in one PUT or in parts, resumed or repeated, and refused if the bytes are not the declared ones."""

import asyncio
from hashlib import sha256

import httpx
import pytest

from app.items.schema.keys import original_key
from app.items.schema.row import ItemRow
from app.request_key import RequestKey
from darkroom_shared.items import CreateItem, ItemState, MultipartUpload, PartRequest
from darkroom_shared.problems import IdempotencyMismatch, NotUploaded, QuotaExceeded, UploadMismatch
from darkroom_shared.uploads import SINGLE_PUT_BYTES, parts_digest
from tests.services import ManualClock, Services, Stores, open_services

FIRST, LAST = b"a" * SINGLE_PUT_BYTES, b"b" * 1000
PARTS = (FIRST, LAST)


def digest_of(part: bytes) -> str:
    return sha256(part).hexdigest()


async def a_big_item(services: Services, digest: str | None = None) -> ItemRow:
    body = CreateItem(name="film.mp4", size_bytes=len(FIRST) + len(LAST), content_type="video/mp4", digest=digest)
    created = await services.uploads.create(services.account, body, None)
    assert created.upload == MultipartUpload(part_size_bytes=SINGLE_PUT_BYTES, part_count=2)
    return created.row


async def send_part(
    services: Services, row: ItemRow, number: int, content: bytes, declared: str | None = None
) -> httpx.Response:
    row = await services.row(row)
    body = PartRequest(number=number, sha256=declared or digest_of(content))
    (part,) = (await services.uploads.presign_parts(row, (body,))).parts
    return await services.http.put(part.url, content=content, headers=part.headers)


async def send_all(services: Services, row: ItemRow) -> None:
    for number, content in enumerate(PARTS, 1):
        assert (await send_part(services, row, number, content)).status_code == 200


async def test_an_upload_in_parts_resumes_from_the_parts_in_s3(services: Services) -> None:
    row = await a_big_item(services)
    assert (await send_part(services, row, 2, LAST)).status_code == 200
    stored = await services.uploads.list_parts(await services.row(row))
    assert [(part.number, part.size_bytes, part.sha256) for part in stored.parts] == [(2, 1000, digest_of(LAST))]
    with pytest.raises(NotUploaded) as missing:
        await services.completion.complete(await services.row(row), None)
    assert missing.value.extras["missing"] == [1]
    assert (await send_part(services, row, 1, FIRST)).status_code == 200
    completed = await services.completion.complete(await services.row(row), None)
    assert completed.row.state is ItemState.QUEUED
    assert completed.row.digest == parts_digest([digest_of(part) for part in PARTS])
    stored_object = await services.base.amazon.objects.head(original_key(row.account_id, row.item_id))
    assert stored_object is not None
    assert (stored_object.size_bytes, stored_object.digest) == (row.size_bytes, completed.row.digest)


async def test_a_part_with_undeclared_bytes_is_refused_by_s3(services: Services) -> None:
    row = await a_big_item(services)
    assert (await send_part(services, row, 2, LAST, declared=digest_of(b"other"))).status_code == 400


async def test_parts_with_another_digest_than_declared_are_deleted_and_the_item_stays(services: Services) -> None:
    row = await a_big_item(services, digest=f"sha256-parts:{'0' * 64}-2")
    await send_all(services, row)
    with pytest.raises(UploadMismatch):
        await services.completion.complete(await services.row(row), None)
    current = await services.row(row)
    assert (current.state, current.upload_id) == (ItemState.UPLOADING, None)
    assert await services.base.amazon.objects.head(original_key(row.account_id, row.item_id)) is None


async def test_complete_resumes_after_a_crash_between_joining_the_parts_and_queueing_it(services: Services) -> None:
    row = await a_big_item(services)
    await send_all(services, row)
    current, objects = await services.row(row), services.base.amazon.objects
    assert current.upload_id is not None
    key = original_key(row.account_id, row.item_id)
    await objects.finish_multipart(key, current.upload_id, await objects.list_parts(key, current.upload_id))
    completed = await services.completion.complete(current, None)
    assert completed.row.state is ItemState.QUEUED


async def test_identical_bytes_are_duplicates_at_create_and_for_parts_at_complete(services: Services) -> None:
    first = await services.queued(b"same bytes")
    body = CreateItem(name="copy.jpg", size_bytes=10, content_type="image/jpeg", digest=first.digest)
    again = await services.uploads.create(services.account, body, None)
    assert (again.row.item_id, again.duplicate, again.upload) == (first.item_id, True, None)

    big = await a_big_item(services)
    await send_all(services, big)
    await services.completion.complete(await services.row(big), None)
    other = await a_big_item(services)
    await send_all(services, other)
    for _ in range(2):
        completed = await services.completion.complete(await services.row(other), None)
        assert (completed.row.item_id, completed.duplicate) == (big.item_id, True)
    assert (await services.row(other)).state is ItemState.CANCELLED


async def test_a_known_digest_of_another_account_is_not_a_duplicate(services: Services) -> None:
    first = await services.queued(b"bytes of one account")
    other_account = CreateItem(name="a.jpg", size_bytes=20, content_type="image/jpeg", digest=first.digest)
    created = await services.uploads.create(
        type(services.account)("acc_01M85KAD1FDPGRDXMKV7N38CMJ"), other_account, None
    )
    assert created.duplicate is False


async def test_50_parallel_requests_with_one_key_create_one_item_and_get_equal_responses(services: Services) -> None:
    key = RequestKey("same-key", "same-body")
    body = CreateItem(name="a.jpg", size_bytes=3, content_type="image/jpeg", digest=f"sha256:{'a' * 64}")
    responses = await asyncio.gather(*(services.uploads.create(services.account, body, key) for _ in range(50)))
    assert len({response.row.item_id for response in responses}) == 1
    head = await services.base.events.log.head(services.account)
    assert (head.last, head.item_count, head.bytes_used) == (1, 1, 3)
    with pytest.raises(IdempotencyMismatch):
        await services.uploads.create(services.account, body, RequestKey("same-key", "other-body"))


async def test_an_expired_key_that_dynamodb_has_not_deleted_yet_may_be_used_again(
    services: Services, clock: ManualClock
) -> None:
    key = RequestKey("same-key", "same-body")
    body = CreateItem(name="a.jpg", size_bytes=3, content_type="image/jpeg", digest=f"sha256:{'b' * 64}")
    first = await services.uploads.create(services.account, body, key)
    await services.item_actions.cancel(first.row)
    clock.advance(hours=24)
    second = await services.uploads.create(services.account, body, key)
    assert second.row.item_id != first.row.item_id
    repeated = await services.uploads.create(services.account, body, key)
    assert repeated.row.item_id == second.row.item_id


async def test_quota_is_reserved_at_create_and_released_at_cancel_or_expiry(
    services: Services, clock: ManualClock
) -> None:
    row, _ = await services.create(b"12345")
    assert (await services.base.events.log.head(services.account)).bytes_used == 5
    await services.item_actions.cancel(row)
    assert (await services.base.events.log.head(services.account)).bytes_used == 0
    gone, _ = await services.create(b"1234567")
    clock.advance(hours=25)
    await services.maintenance.process(gone.account_id, gone.item_id)
    assert (await services.row(gone)).state is ItemState.EXPIRED
    assert (await services.base.events.log.head(services.account)).bytes_used == 0


async def test_concurrent_creates_cannot_exceed_the_quota_together(stores: Stores, clock: ManualClock) -> None:
    bodies = [
        CreateItem(name="a.jpg", size_bytes=40, content_type="image/jpeg", digest=f"sha256:{number:064x}")
        for number in range(5)
    ]
    async with open_services(stores, clock, account_quota_bytes=100) as services:
        responses = await asyncio.gather(
            *(services.uploads.create(services.account, body, None) for body in bodies), return_exceptions=True
        )
    assert sum(isinstance(response, QuotaExceeded) for response in responses) == 3
