"""SNS: publishing to a named topic."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.stores.aws_errors import AwsErrors, ErrorClass, Translation

if TYPE_CHECKING:
    from types_aiobotocore_sns.client import SNSClient


class Topics:
    """Client of SNS.

    Raises `Unavailable` for failures that may pass (`MissingResource` if the topic is absent), `CallRejected` for a
    call that SNS rejects.
    """

    def __init__(self, client: "SNSClient", errors: AwsErrors | None = None) -> None:
        self._client, self._translated = client, Translation("SNS", errors)
        self._arns: dict[str, str] = {}

    async def publish(self, topic: str, body: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
        """Publish at least once: the caller repeats what it could not record as sent."""
        arn = await self._arn(topic)
        with self._translated():
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
                with self._translated():
                    response: Any = await self._client.list_topics(**marker)
                for entry in response.get("Topics", []):
                    self._arns[entry["TopicArn"].rpartition(":")[2]] = entry["TopicArn"]
                if not response.get("NextToken"):
                    break
                marker = {"NextToken": response["NextToken"]}
        if topic not in self._arns:
            raise self._translated.failure(ErrorClass.MISSING_RESOURCE)
        return self._arns[topic]
