"""Send the web tier's own problems as problem+json over bare ASGI."""

import json

from starlette.types import Send

from darkroom_shared.problems import MEDIA_TYPE, Problem


async def send_problem(send: Send, problem: Problem, headers: list[tuple[bytes, bytes]]) -> None:
    """Send `problem` as the whole response; `headers` are added to its own."""
    body = json.dumps(problem.body()).encode()
    own = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    if problem.retry_after_seconds is not None:
        own.append((b"retry-after", b"%d" % problem.retry_after_seconds))
    await send({"type": "http.response.start", "status": problem.status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})
