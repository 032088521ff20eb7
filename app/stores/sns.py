"""SNS: publishing to a topic."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.stores.aws_errors import AwsErrors, Translation

if TYPE_CHECKING:
    from types_aiobotocore_sns.client import SNSClient


class Topics:
    """Client of SNS, with the ARN of each topic.

    Raises `Unavailable` for failures that may pass (`MissingResource` if the topic is absent), `CallRejected` for a
    call that SNS rejects.
    """

    def __init__(self, client: "SNSClient", arns: Mapping[str, str], errors: AwsErrors | None = None) -> None:
        self._client, self._translated = client, Translation("SNS", errors)
        self._arns = arns

    async def publish(self, topic: str, body: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
        """Publish at least once: the caller repeats what it could not record as sent."""
        with self._translated():
            await self._client.publish(
                TopicArn=self._arns[topic],
                Message=json.dumps(body),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
