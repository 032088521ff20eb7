"""The Idempotency-Key of a POST, as one dependency for every slice."""

from typing import Annotated

from fastapi import Depends, Header, Request

from app.events.requests import RequestKey, fingerprint
from shared.problems import BadRequest


async def _request_key(
    request: Request,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")] = None,
) -> RequestKey | None:
    if idempotency_key is None:
        return None
    route = f"{request.method} {request.url.path}"
    return RequestKey(idempotency_key, fingerprint(route, await request.body()))


Key = Annotated[RequestKey | None, Depends(_request_key)]


def refuse_key(idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None) -> None:
    """For routes that show a secret once: a repeated answer would have to keep it. Raises BadRequest."""
    if idempotency_key is not None:
        raise BadRequest("This route takes no Idempotency-Key.")
