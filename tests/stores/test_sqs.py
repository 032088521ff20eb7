"""SQS errors about a message that is no longer in flight are ignored, because the claim alone decides."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from app.stores.aws_errors import CallRejected
from app.stores.resources import BULK_QUEUE
from app.stores.sqs import Queues
from darkroom_process.asgi_types import Receive, Scope, Send
from local.asgi import read_body
from tests.stores.aws_clients import open_clients
from tests.web.servers import serving

AFTER_TWELVE_HOURS = "InvalidParameterValue"
"""SQS's maximum time in flight of a message, however often its visibility was extended."""
RECEIVED_AGAIN, VISIBLE_AGAIN = "ReceiptHandleIsInvalid", "AWS.SimpleQueueService.MessageNotInflight"


class ScriptedResponses:
    """Responds as SQS does: an error has its code in the JSON body, and in a header that older SDKs read."""

    code = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        if dict(scope["headers"])[b"x-amz-target"] == b"AmazonSQS.GetQueueUrl":
            await self._send(send, 200, {"QueueUrl": "http://127.0.0.1/queue"}, b"")
        else:
            kind = self.code.rpartition(".")[2]
            await self._send(send, 400, {"__type": f"com.amazonaws.sqs#{kind}"}, f"{self.code};Sender".encode())

    async def _send(self, send: Send, status: int, document: dict[str, str], error: bytes) -> None:
        body = json.dumps(document).encode()
        headers = [(b"content-length", str(len(body)).encode()), (b"x-amzn-query-error", error)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def scripted_responses() -> ScriptedResponses:
    return ScriptedResponses()


@pytest.fixture
async def queues(scripted_responses: ScriptedResponses) -> AsyncIterator[Queues]:
    with serving(scripted_responses) as url:
        async with AsyncExitStack() as stack:
            yield (await open_clients(stack, url)).queues


@pytest.mark.parametrize("code", [AFTER_TWELVE_HOURS, RECEIVED_AGAIN, VISIBLE_AGAIN])
async def test_a_heartbeat_continues_when_the_message_is_no_longer_in_flight(
    queues: Queues, scripted_responses: ScriptedResponses, code: str
) -> None:
    scripted_responses.code = code
    await queues.hide(BULK_QUEUE, "receipt", 60)
    await queues.delete(BULK_QUEUE, "receipt")


async def test_an_absent_queue_is_logged_once_and_ends_no_heartbeat(
    queues: Queues, scripted_responses: ScriptedResponses
) -> None:
    scripted_responses.code = "AWS.SimpleQueueService.NonExistentQueue"
    with capture_logs() as entries:
        for _ in range(2):
            await queues.hide(BULK_QUEUE, "receipt", 60)
            await queues.delete(BULK_QUEUE, "receipt")
        scripted_responses.code = RECEIVED_AGAIN
        await queues.hide(BULK_QUEUE, "receipt", 60)
        scripted_responses.code = "AWS.SimpleQueueService.NonExistentQueue"
        await queues.hide(BULK_QUEUE, "receipt", 60)
    assert [(entry["event"], entry["queue"]) for entry in entries] == [("queue.missing", BULK_QUEUE)] * 2


async def test_an_invalid_request_is_still_an_error(queues: Queues, scripted_responses: ScriptedResponses) -> None:
    scripted_responses.code = "InvalidAddress"
    with pytest.raises(CallRejected):
        await queues.hide(BULK_QUEUE, "receipt", 60)
