"""SNS: publishing to a named topic."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.stores.amazon import translated

if TYPE_CHECKING:
    from types_aiobotocore_sns.client import SNSClient


class Topics:
    """Raises `Unavailable` whenever SNS can't be reached or asks us to slow down."""

    def __init__(self, client: "SNSClient") -> None:
        self._client = client
        self._arns: dict[str, str] = {}

    async def publish(self, topic: str, body: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
        """At least once: the caller sends again what it could not note as sent."""
        arn = await self._arn(topic)
        with translated("SNS"):
            await self._client.publish(
                TopicArn=arn,
                Message=json.dumps(body),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )

    async def _arn(self, topic: str) -> str:
        if topic not in self._arns:
            marker: dict[str, str] = {}
            while topic not in self._arns:
                with translated("SNS"):
                    answer: Any = await self._client.list_topics(**marker)
                for found in answer.get("Topics", []):
                    self._arns[found["TopicArn"].rpartition(":")[2]] = found["TopicArn"]
                if not answer.get("NextToken"):
                    break
                marker = {"NextToken": answer["NextToken"]}
        return self._arns[topic]
