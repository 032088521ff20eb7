"""Accept only our own signed requests for a stand-in; standard library only."""

import asyncio
import json
import os
from collections.abc import Iterable
from xml.sax.saxutils import escape

from darkroom_process.asgi_types import Application, Receive, Scope, Send
from darkroom_process.hosts import HEALTH_PATHS
from local.asgi import read_body, replay, send_response
from local.signatures import NotSigned, Verifier

BODY_SECONDS = 60.0
MAX_BODY_BYTES = 24 * 1024 * 1024
"""The 4 MiB of TransactWriteItems with each byte escaped to six characters; BatchWriteItem has 16 MiB. The operation
itself refuses what exceeds its limit.
"""
FORBIDDEN = 403


def verifier_from_environment(*services: str) -> Verifier:
    """Raises KeyError without a credential."""
    return Verifier(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], frozenset(services))


async def refuse_host(send: Send) -> None:
    """Respond to a request for a host that is not ours, as text: the emulator's interpreter has no problem types."""
    await send_response(send, 400, b"This host is not served here.\n")


class SignedRequestsOnly:
    """For stand-ins that no browser uses. Nothing of a request is interpreted before its signature is verified."""

    def __init__(self, application: Application, verifier: Verifier) -> None:
        self._application, self._verifier = application, verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or is_health_check(scope):
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            body = await read_signed_body(self._verifier, scope, receive)
        except NotSigned as error:
            await _refuse(send, scope["headers"], error)
            return
        if body is not None:
            await self._application(scope, replay(body, then=receive), send)


def is_health_check(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in HEALTH_PATHS


async def read_signed_body(verifier: Verifier, scope: Scope, receive: Receive) -> bytes | None:
    """Return the body of a request signed by us; None if the client disconnected. Raises NotSigned."""
    if any(name == b"origin" or name.startswith(b"sec-fetch-") for name, _ in scope["headers"]):
        raise NotSigned("AccessDeniedException", "Web pages have no access")
    unverified = verifier.read_signature(scope)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await read_body(receive, MAX_BODY_BYTES)
    except TimeoutError as error:
        raise NotSigned("RequestTimeoutException", "The body did not come in time") from error
    except OverflowError as error:
        raise NotSigned("RequestEntityTooLargeException", "The body is longer than any request") from error
    if body is not None:
        verifier.require_signed(unverified, scope, body)
    return body


async def _refuse(send: Send, headers: Iterable[tuple[bytes, bytes]], error: NotSigned) -> None:
    """Send the error as JSON to a JSON protocol, otherwise as XML in SNS's format."""
    if any(name == b"x-amz-target" for name, _ in headers):
        document = {"__type": f"com.amazon.coral.service#{error.code}", "message": error.message}
        await send_response(send, FORBIDDEN, json.dumps(document).encode(), "application/x-amz-json-1.0", close=True)
        return
    code, message = escape(error.code), escape(error.message)
    text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    await send_response(send, FORBIDDEN, f"{text}</ErrorResponse>".encode(), "text/xml", close=True)
