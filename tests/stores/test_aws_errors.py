"""Each class of AWS error at each call of each store: it raises one of our own errors and is counted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from app.stores.aws_errors import CallRejected, ErrorClass, MissingResource
from app.stores.clients import AmazonStores
from app.stores.dynamo import Condition, Query, put
from app.stores.resources import BULK_QUEUE, COMPLETIONS_TOPIC, ITEMS_TABLE
from darkroom_process.asgi_types import Receive, Scope, Send
from darkroom_shared.problems import Unavailable
from local.asgi import read_body, send_response
from local.faults.plan import Fault, Plan
from local.faults.wrapper import Faults
from local.signatures import Verifier
from tests.servers import free_port
from tests.services import KEY_ID, SECRET
from tests.stores.aws_clients import open_clients
from tests.web.servers import serving

KEY = {"account_id": "acc_1", "item_id": "itm_1"}
PARTITION = Condition("account_id = :account", values={":account": "acc_1"})

Call = Callable[[AmazonStores, Path], Awaitable[object]]

CALLS: dict[str, tuple[str, Call]] = {
    "get": ("DynamoDB", lambda aws, _: aws.dynamo.get(ITEMS_TABLE, KEY)),
    "get_many": ("DynamoDB", lambda aws, _: aws.dynamo.get_many(ITEMS_TABLE, [KEY])),
    "query": ("DynamoDB", lambda aws, _: aws.dynamo.query(Query(ITEMS_TABLE, PARTITION))),
    "count": ("DynamoDB", lambda aws, _: aws.dynamo.count(Query(ITEMS_TABLE, PARTITION))),
    "scan": ("DynamoDB", lambda aws, _: aws.dynamo.scan(ITEMS_TABLE)),
    "write": ("DynamoDB", lambda aws, _: aws.dynamo.write(put(ITEMS_TABLE, KEY, {}))),
    "delete_many": ("DynamoDB", lambda aws, _: aws.dynamo.delete_many(ITEMS_TABLE, [KEY])),
    "transact": ("DynamoDB", lambda aws, _: aws.dynamo.transact([put(ITEMS_TABLE, KEY, {})], "token")),
    "send": ("SQS", lambda aws, _: aws.queues.send(BULK_QUEUE, {}, group="acc_1")),
    "receive": ("SQS", lambda aws, _: aws.queues.receive(BULK_QUEUE, limit=1)),
    "delete_message": ("SQS", lambda aws, _: aws.queues.delete(BULK_QUEUE, "receipt")),
    "hide": ("SQS", lambda aws, _: aws.queues.hide(BULK_QUEUE, "receipt", 5)),
    "depth": ("SQS", lambda aws, _: aws.queues.depth(BULK_QUEUE)),
    "created_at": ("SQS", lambda aws, _: aws.queues.created_at(BULK_QUEUE)),
    "publish": ("SNS", lambda aws, _: aws.topics.publish(COMPLETIONS_TOPIC, {}, {})),
    "head": ("S3", lambda aws, _: aws.objects.head("key")),
    "list": ("S3", lambda aws, _: _all(aws.objects.list_objects("prefix"))),
    "delete_objects": ("S3", lambda aws, _: aws.objects.delete(["key"])),
    "download": ("S3", lambda aws, folder: aws.objects.download("key", folder / "file")),
    "stream": ("S3", lambda aws, _: _all(aws.objects.stream("key"))),
    "read": ("S3", lambda aws, _: aws.objects.read("key")),
    "put_object": (
        "S3",
        lambda aws, _: aws.objects.write(
            "key", b"x", content_type="image/webp", sha256_hex="00" * 32, cache_control="no-store"
        ),
    ),
    "start_multipart": ("S3", lambda aws, _: aws.objects.start_multipart("key", name="name")),
    "list_parts": ("S3", lambda aws, _: aws.objects.list_parts("key", "upload")),
    "finish_multipart": ("S3", lambda aws, _: aws.objects.finish_multipart("key", "upload", [])),
    "finish_own_multipart": ("S3", lambda aws, _: aws.objects.finish_own_multipart("key", "upload", [])),
    "abort_multipart": ("S3", lambda aws, _: aws.objects.abort_multipart("key", "upload")),
    "list_multiparts": ("S3", lambda aws, _: aws.objects.list_multipart_keys("prefix")),
    "upload_part": ("S3", lambda aws, _: aws.objects.upload_part("key", "upload", 1, b"x")),
}
HEALING = {
    Fault.THROTTLE: ErrorClass.THROTTLED,
    Fault.INTERNAL_ERROR: ErrorClass.SERVER_ERROR,
    Fault.UNAVAILABLE: ErrorClass.SERVER_ERROR,
    Fault.EXPIRED_CREDENTIALS: ErrorClass.CREDENTIALS,
    Fault.ACCESS_DENIED: ErrorClass.ACCESS_DENIED,
    Fault.MISSING_RESOURCE: ErrorClass.MISSING_RESOURCE,
    Fault.RESET: ErrorClass.UNREACHABLE,
}
NO_ERROR_WHILE_MISSING = {"delete_message", "hide", "head"}
"""A missing queue has no messages to delete or hide; a HEAD cannot distinguish an absent bucket from an absent
object.
"""


async def _all(pages: AsyncIterator[object]) -> None:
    async for _ in pages:
        pass


async def _absent(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send_response(send, 404)


@pytest.fixture
def plan() -> Plan:
    return Plan()


@pytest.fixture
async def aws(plan: Plan) -> AsyncIterator[AmazonStores]:
    with serving(Faults(_absent, plan, Verifier(KEY_ID, SECRET, frozenset()))) as url:
        async with AsyncExitStack() as stack:
            yield await open_clients(stack, url)


def _inject(plan: Plan, fault: Fault) -> None:
    plan.replace(b'{"rules": [{"operation": "*", "fault": "%s"}]}' % fault.value.encode())


async def _outcomes(aws: AmazonStores, folder: Path) -> dict[str, object]:
    """Return the outcome of each call. They run concurrently, because the SDK retries some."""
    results = await asyncio.gather(
        *(_one(call(aws, _made(folder / name))) for name, (_, call) in CALLS.items()), return_exceptions=True
    )
    return dict(zip(CALLS, results, strict=True))


async def _one(call: Awaitable[object]) -> object:
    return await call


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("fault", "error_class"), HEALING.items())
async def test_a_transient_error_is_unavailable_at_each_call_and_is_counted(
    aws: AmazonStores, plan: Plan, tmp_path: Path, fault: Fault, error_class: ErrorClass
) -> None:
    _inject(plan, fault)
    outcomes = await _outcomes(aws, tmp_path)
    ignored = NO_ERROR_WHILE_MISSING if fault is Fault.MISSING_RESOURCE else set()
    assert {name for name, outcome in outcomes.items() if outcome is None} == ignored
    assert {type(outcomes[name]) for name in CALLS.keys() - ignored} <= {Unavailable, MissingResource}
    services = [service for service, _ in CALLS.values()]
    expected = Counter(services) - Counter(CALLS[name][0] for name in ignored & {"head"})
    counted: Counter[str] = Counter()
    for each in aws.errors.counts():
        counted[each.service] += each.count
        assert each.error_class is error_class or each.service == "S3"  # a HEAD's response has only a status
    assert counted == expected


async def test_a_malformed_call_is_rejected_and_counted(aws: AmazonStores, plan: Plan, tmp_path: Path) -> None:
    _inject(plan, Fault.MALFORMED)
    outcomes = await _outcomes(aws, tmp_path)
    assert {type(outcomes[name]) for name in CALLS.keys() - {"head"}} == {CallRejected}
    assert {each.service for each in aws.errors.counts() if each.error_class is ErrorClass.REJECTED} == {
        service for service, _ in CALLS.values()
    }


async def test_a_service_that_does_not_listen_is_unreachable_at_each_call(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        aws = await open_clients(stack, f"http://127.0.0.1:{free_port()}")
        outcomes = await _outcomes(aws, tmp_path)
        assert {type(outcome) for outcome in outcomes.values()} == {Unavailable}
        assert {each.error_class for each in aws.errors.counts()} == {ErrorClass.UNREACHABLE}


async def _cut(_scope: Scope, receive: Receive, send: Send) -> None:
    """Announce more bytes than are sent; the server then closes the connection."""
    await read_body(receive)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})


@pytest.mark.parametrize("name", ["download", "stream", "read"])
async def test_a_connection_lost_within_an_object_is_unavailable(tmp_path: Path, name: str) -> None:
    with serving(_cut) as url:
        async with AsyncExitStack() as stack:
            aws = await open_clients(stack, url)
            with pytest.raises(Unavailable):
                await CALLS[name][1](aws, tmp_path)
            assert [each.error_class for each in aws.errors.counts()] == [ErrorClass.UNREACHABLE]


@pytest.mark.parametrize(("name", "status"), [("list", 200), ("start_multipart", 200), ("publish", 503)])
async def test_a_response_that_cannot_be_parsed_is_unavailable(tmp_path: Path, name: str, status: int) -> None:
    async def page(_scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        await send_response(send, status, b"<!DOCTYPE html><html><p>Try again", "text/html")

    with serving(page) as url:
        async with AsyncExitStack() as stack:
            aws = await open_clients(stack, url)
            with pytest.raises(Unavailable):
                await CALLS[name][1](aws, tmp_path)
            assert [each.error_class for each in aws.errors.counts()] == [ErrorClass.SERVER_ERROR]


async def test_a_response_with_a_malformed_value_is_unavailable(tmp_path: Path) -> None:
    """The SDK lets int's ValueError pass."""

    async def page(_scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        listing = b"<ListBucketResult><Contents><Key>key</Key><Size>large</Size></Contents></ListBucketResult>"
        await send_response(send, 200, listing, "application/xml")

    with serving(page) as url:
        async with AsyncExitStack() as stack:
            aws = await open_clients(stack, url)
            with pytest.raises(Unavailable):
                await CALLS["list"][1](aws, tmp_path)
            assert [each.error_class for each in aws.errors.counts()] == [ErrorClass.SERVER_ERROR]
