"""A batch that DynamoDB processes in part, as it does while a table is throttled."""

import json
from typing import Any

from darkroom_process.asgi_types import Application, Scope, Send
from local.asgi import BufferedResponse, replay, with_length
from local.faults.operations import Operation

UNPROCESSED = {"BatchGetItem": "UnprocessedKeys", "BatchWriteItem": "UnprocessedItems"}


async def process_in_part(
    application: Application, operation: Operation, scope: Scope, body: bytes, send: Send
) -> None:
    """Process the first half of each table's requests, at least one, and return the others as unprocessed."""
    request = json.loads(body)
    processed, rest = {}, {}
    for table, requests in request["RequestItems"].items():
        processed[table], left = _halves(requests)
        if left is not None:
            rest[table] = left
    part = json.dumps(request | {"RequestItems": processed}).encode()
    held = BufferedResponse()
    await application(with_length(scope, part), replay(part), held.take)
    if held.status == 200:
        held.body = json.dumps(json.loads(held.body) | {UNPROCESSED[operation.name]: rest}).encode()
    await held.send_on(send)


def _halves(requests: Any) -> tuple[Any, Any]:
    """Split a table's keys or writes; the second half is None if it would be empty."""
    if isinstance(requests, list):
        middle = (len(requests) + 1) // 2
        return requests[:middle], requests[middle:] or None
    first, second = _halves(requests["Keys"])
    return requests | {"Keys": first}, None if second is None else requests | {"Keys": second}
