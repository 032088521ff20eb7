"""A client of DynamoDB whose writes take effect, but some of whose responses do not arrive."""

from collections import deque
from enum import StrEnum
from typing import Any

from botocore.exceptions import ReadTimeoutError

_WRITES = {"put_item", "update_item", "transact_write_items"}


class Drop(StrEnum):
    """REPEATED: the first response is dropped; the SDK repeats the call, and returns the response of the repetition.
    RAISED: the responses of all repetitions are dropped, too."""

    REPEATED = "repeated"
    RAISED = "raised"


class DroppedResponses:
    """Drops the responses of the next writes as `drops` states."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.drops: deque[Drop] = deque()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name not in _WRITES:
            return operation

        async def call(**named: Any) -> Any:
            response = await operation(**named)
            match self.drops.popleft() if self.drops else None:
                case Drop.REPEATED:
                    return await operation(**named)
                case Drop.RAISED:
                    raise ReadTimeoutError(endpoint_url="http://tables")
            return response

        return call
