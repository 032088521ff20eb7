"""The Idempotency-Key of a POST, as a dependency for all capabilities."""

from typing import Annotated

from fastapi import Depends, Header, Request

from app.request_key import RequestKey, fingerprint
from darkroom_shared.problems import BadRequest


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
    """Refuse the header on routes that return a secret once, because a repeated response would need the stored
    secret.

    Raises BadRequest.
    """
    if idempotency_key is not None:
        raise BadRequest("This route takes no Idempotency-Key.")
