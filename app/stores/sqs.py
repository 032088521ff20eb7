"""SQS: JSON messages in and out of named queues."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from app.stores.aws_errors import AwsErrors, MissingResource, Outcomes, Translation
from app.stores.resources import DEFAULT_NAMES, WORK_VISIBILITY_SECONDS, ResourceNames

if TYPE_CHECKING:
    from types_aiobotocore_sqs.client import SQSClient

log = structlog.get_logger()

POLL_SECONDS = 20
"""SQS's maximum for long polling."""
POLL_READ_SECONDS = POLL_SECONDS + 5.0
MAX_MESSAGES = 10
"""SQS's limit for one ReceiveMessage."""


class StaleReceipt(Exception):
    """SQS has delivered the message again, or it is gone: the receipt handle is no longer valid."""


_RECEIPT_OUTCOMES: Outcomes = dict.fromkeys(
    (
        "ReceiptHandleIsInvalid",
        "InvalidParameterValue",
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
    ),
    lambda _error: StaleReceipt(),
)


@dataclass(frozen=True, slots=True)
class Message:
    """A received message. `receives` counts its deliveries, this one included."""

    body: dict[str, Any]
    receipt_handle: str
    receives: int


class Queues:
    """Client of SQS. `polling` waits as long as a long poll takes; a call on `client` responds at once.

    Raises `Unavailable` for failures that may pass (`MissingResource` if the queue is absent), `CallRejected` for a
    call that SQS rejects.
    """

    def __init__(
        self,
        client: "SQSClient",
        polling: "SQSClient",
        errors: AwsErrors | None = None,
        named: ResourceNames = DEFAULT_NAMES,
    ) -> None:
        self._client, self._polling, self._translated = client, polling, Translation("SQS", errors)
        self._named = named
        self._urls: dict[str, str] = {}
        self._missing: set[str] = set()
        """Queues whose absence is logged already."""

    async def send(self, queue: str, body: dict[str, Any], *, group: str, delay_seconds: int = 0) -> None:
        """Send a message. `group` makes the queue fair: one account's thousand messages don't delay another's first."""
        url = await self._url(queue)
        with self._translated():
            await self._client.send_message(
                QueueUrl=url, MessageBody=json.dumps(body), MessageGroupId=group, DelaySeconds=delay_seconds
            )

    async def receive(
        self,
        queue: str,
        *,
        limit: int,
        hidden_seconds: int = WORK_VISIBILITY_SECONDS,
        wait_seconds: int = POLL_SECONDS,
    ) -> list[Message]:
        """Wait for the first message. A body that is not a JSON object is returned as an empty one.

        The messages are hidden from other consumers for `hidden_seconds`.
        """
        url = await self._url(queue)
        with self._translated(may_be_long=True):
            response = await self._polling.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(limit, MAX_MESSAGES),
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(
                _parsed(message.get("Body", "")),
                message["ReceiptHandle"],
                int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1")),
            )
            for message in response.get("Messages", [])
        ]

    async def delete(self, queue: str, receipt_handle: str) -> None:
        """Delete a message. A stale receipt is no error: SQS delivers it again, and a refused claim ends it. Nor is an
        absent queue, which is logged once: its messages were deleted with it."""
        with self._about_message(queue):
            url = await self._url(queue)
            with self._translated(_RECEIPT_OUTCOMES):
                await self._client.delete_message(QueueUrl=url, ReceiptHandle=receipt_handle)

    async def hide(self, queue: str, receipt_handle: str, seconds: int) -> None:
        """Hide a received message for `seconds` from now. A stale receipt or an absent queue is not an error."""
        with self._about_message(queue):
            url = await self._url(queue)
            with self._translated(_RECEIPT_OUTCOMES):
                await self._client.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
                )

    async def depth(self, queue: str) -> dict[str, int]:
        """Return how many messages are waiting and in work; SQS's counts are approximate."""
        url = await self._url(queue)
        with self._translated():
            response = await self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )
        numbers = response.get("Attributes", {})
        return {
            "waiting": int(numbers.get("ApproximateNumberOfMessages", 0)),
            "in_work": int(numbers.get("ApproximateNumberOfMessagesNotVisible", 0)),
        }

    async def created_at(self, queue: str) -> datetime:
        """Return the queue's creation time, rounded down to the second. Messages sent earlier are not in the queue."""
        url = await self._url(queue)
        with self._translated():
            response = await self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["CreatedTimestamp"])
        return datetime.fromtimestamp(int(response["Attributes"]["CreatedTimestamp"]), UTC)

    @contextmanager
    def _about_message(self, queue: str) -> Iterator[None]:
        try:
            yield
        except StaleReceipt:
            pass
        except MissingResource as missing:
            if queue not in self._missing:  # heartbeats repeat the call
                self._missing.add(queue)
                log.warning("queue.missing", queue=queue, reason=str(missing))
            return
        self._missing.discard(queue)

    async def _url(self, queue: str) -> str:
        if queue not in self._urls:
            with self._translated():
                self._urls[queue] = (await self._client.get_queue_url(QueueName=self._named(queue)))["QueueUrl"]
        return self._urls[queue]


def _parsed(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
