"""Errors of DynamoDB that come within a response: reasons of a cancelled transaction, unprocessed parts, conflicts."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from app.stores.aws_errors import CallRejected, ErrorClass, PartitionFull
from app.stores.clients import AmazonStores
from app.stores.dynamo import (
    CONFLICT_ATTEMPTS,
    THROTTLED_ATTEMPTS,
    Dynamo,
    TransactionConflict,
    TransactionRefused,
    put,
)
from app.stores.resources import ITEMS_TABLE
from darkroom_process.asgi_types import Receive, Scope, Send
from darkroom_shared.problems import Unavailable
from local.asgi import read_body, send_response
from tests.stores.aws_clients import open_clients
from tests.web.servers import serving

KEY = {"account_id": "acc_1", "item_id": "itm_1"}
TYPE = "com.amazonaws.dynamodb.v20120810#"
OTHER_REASONS = {
    "ThrottlingError": ErrorClass.THROTTLED,
    "ProvisionedThroughputExceeded": ErrorClass.THROTTLED,
    "RequestLimitExceeded": ErrorClass.THROTTLED,
    "AccessDenied": ErrorClass.ACCESS_DENIED,
    "KMSAccessDenied": ErrorClass.ACCESS_DENIED,
    "ValidationError": ErrorClass.REJECTED,
    "SomethingNew": ErrorClass.REJECTED,
}


class Responder:
    """Responds to each call with the next of its documents, and with the last one from then on."""

    def __init__(self, status: int, *documents: dict[str, Any]) -> None:
        self._status, self._documents, self.calls = status, documents, 0

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        document = self._documents[min(self.calls, len(self._documents) - 1)]
        self.calls += 1
        status = 200 if "__type" not in document else self._status
        await send_response(send, status, json.dumps(document).encode(), "application/x-amz-json-1.0")


def _cancelled(*codes: str) -> dict[str, Any]:
    reasons = [{"Code": code, "Message": "" if code == "None" else "x"} for code in codes]
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    return {"__type": f"{TYPE}TransactionCanceledException", "Message": message, "CancellationReasons": reasons}


@asynccontextmanager
async def _clients(respond: Responder) -> AsyncIterator[AmazonStores]:
    with serving(respond) as url:
        async with AsyncExitStack() as stack:
            yield await open_clients(stack, url)


def _counts(aws: AmazonStores) -> list[tuple[ErrorClass, int]]:
    return [(each.error_class, each.count) for each in aws.errors.counts()]


async def _transact(dynamo: Dynamo) -> None:
    await dynamo.transact([put(ITEMS_TABLE, KEY, {})], "token")


@pytest.mark.parametrize(("code", "error_class"), OTHER_REASONS.items())
async def test_a_transaction_cancelled_for_another_reason_is_no_conflict(code: str, error_class: ErrorClass) -> None:
    async with _clients(Responder(400, _cancelled("None", code, "TransactionConflict"))) as aws:
        with pytest.raises(CallRejected if error_class is ErrorClass.REJECTED else Unavailable):
            await _transact(aws.dynamo)
        assert _counts(aws) == [(error_class, 1)]


async def test_a_full_partition_is_a_problem_of_its_own_and_no_error_of_aws() -> None:
    single = {"__type": f"{TYPE}ItemCollectionSizeLimitExceededException", "message": "too large"}
    async with _clients(Responder(400, single)) as aws:
        with pytest.raises(PartitionFull):
            await aws.dynamo.write(put(ITEMS_TABLE, KEY, {}))
        assert _counts(aws) == []
    cancelled = _cancelled("None", "ItemCollectionSizeLimitExceeded", "TransactionConflict")
    async with _clients(Responder(400, cancelled)) as aws:
        with pytest.raises(PartitionFull):
            await _transact(aws.dynamo)
        assert _counts(aws) == []


@pytest.mark.parametrize("codes", [["None", "TransactionConflict"], []])
async def test_a_transaction_in_conflict_is_raised_and_counted(codes: Sequence[str]) -> None:
    async with _clients(Responder(400, _cancelled(*codes))) as aws:
        with pytest.raises(TransactionConflict):
            await _transact(aws.dynamo)
        assert _counts(aws) == [(ErrorClass.CONFLICT, 1)]


async def test_a_failed_condition_decides_and_is_no_error() -> None:
    async with _clients(Responder(400, _cancelled("ThrottlingError", "ConditionalCheckFailed"))) as aws:
        with pytest.raises(TransactionRefused) as refused:
            await _transact(aws.dynamo)
        assert refused.value.indices == {1}
        assert _counts(aws) == []


async def test_what_is_rejected_decides_before_what_may_pass() -> None:
    async with _clients(Responder(400, _cancelled("ThrottlingError", "ValidationError"))) as aws:
        with pytest.raises(CallRejected):
            await _transact(aws.dynamo)


async def test_a_throttled_transaction_is_repeated_a_few_times() -> None:
    throttled = _cancelled("ProvisionedThroughputExceeded")
    async with _clients(Responder(400, *[throttled] * (THROTTLED_ATTEMPTS - 1), {})) as aws:
        await _transact(aws.dynamo)
        assert _counts(aws) == []
    async with _clients(respond := Responder(400, throttled)) as aws:
        with pytest.raises(Unavailable):
            await _transact(aws.dynamo)
        assert respond.calls >= THROTTLED_ATTEMPTS


@pytest.mark.parametrize(
    ("document", "call"),
    [
        (
            {"Responses": {}, "UnprocessedKeys": {ITEMS_TABLE: {"Keys": [{"account_id": {"S": "acc_1"}}]}}},
            lambda dynamo: dynamo.get_many(ITEMS_TABLE, [KEY]),
        ),
        (
            {"UnprocessedItems": {ITEMS_TABLE: [{"DeleteRequest": {"Key": {"account_id": {"S": "acc_1"}}}}]}},
            lambda dynamo: dynamo.delete_many(ITEMS_TABLE, [KEY]),
        ),
    ],
    ids=["get_many", "delete_many"],
)
async def test_a_batch_that_stays_unprocessed_is_throttled_and_counted(
    document: dict[str, Any], call: Callable[[Dynamo], Awaitable[object]]
) -> None:
    async with _clients(Responder(200, document)) as aws:
        with pytest.raises(Unavailable):
            await call(aws.dynamo)
        assert _counts(aws) == [(ErrorClass.THROTTLED, 1)]


async def test_a_single_write_in_conflict_is_retried_and_counted_when_it_fails() -> None:
    conflict = {"__type": f"{TYPE}TransactionConflictException", "message": "Transaction is ongoing for the item"}
    async with _clients(respond := Responder(400, conflict)) as aws:
        with pytest.raises(Unavailable):
            await aws.dynamo.write(put(ITEMS_TABLE, KEY, {}))
        assert respond.calls >= CONFLICT_ATTEMPTS
        assert _counts(aws) == [(ErrorClass.CONFLICT, 1)]
