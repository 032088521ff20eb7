"""Receive what SNS publishes, through a queue of the drills that is subscribed to the topic."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable

from tests.drills.installation import COMPLETIONS_QUEUE, Installation

PLENTY_SECONDS = 120.0


class Completions:
    """Records every notification that it has received."""

    def __init__(self, installation: Installation) -> None:
        self._sqs = installation.client("sqs", installation.queues)
        self._url: str = self._sqs.get_queue_url(QueueName=COMPLETIONS_QUEUE)["QueueUrl"]
        self.received: Counter[tuple[str, str]] = Counter()

    async def receive(self, type_: str, items: Iterable[str]) -> None:
        """Return once each item was notified at least once. Raises TimeoutError if one is missing in bounded time."""
        expected = {(type_, item) for item in items}
        async with asyncio.timeout(PLENTY_SECONDS):
            while not expected <= self.received.keys():
                await asyncio.to_thread(self._receive)

    def _receive(self) -> None:
        response = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in response.get("Messages", []):
            event = json.loads(json.loads(message["Body"])["Message"])
            self.received[event["type"], event["subject"]] += 1
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
