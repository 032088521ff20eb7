"""ASGI middleware around every request: request id, deadline, body limit, and the error boundary."""

import asyncio
import re
import time
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.jobs.after_commit import request_deadline
from app.jobs.isolation import capture
from darkroom_process.amazon_trace import amazon_trace_of
from darkroom_process.logged_path import logged_path
from darkroom_process.metrics import RequestMetrics
from darkroom_process.problem_response import send_problem
from darkroom_process.request_id import REQUEST_ID, request_id_of
from darkroom_process.tier_headers import DEADLINE_HEADER
from darkroom_process.trace_context import TraceContext
from darkroom_shared.problems import DeadlineExceeded, Problem, TooLarge

MAX_BODY_BYTES = 1024 * 1024
MAX_DEADLINE_SECONDS = 60.0

ROUTE_TEMPLATE = "route_template"
"""The scope's key for the route of a response that FastAPI's router did not select."""
UNMATCHED = "unmatched"
API_PREFIX = "/v1"

RawHeaders = Mapping[bytes, bytes]
"""Headers as in the ASGI scope, with lower-case names. A Headers object per request would be too slow."""

log = structlog.get_logger()


class _Response:
    """Record the status of the response, and add the request id to its headers."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send, self._request_id = send, request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (REQUEST_ID, self._request_id)]
        await self._send(message)


class RequestContextMiddleware:
    """Bind the request id to every log entry, and record the request's metrics."""

    def __init__(self, application: ASGIApp, metrics: RequestMetrics) -> None:
        self._application, self._metrics = application, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        trace, amazon_trace = TraceContext.of(scope["headers"]), amazon_trace_of(scope["headers"])
        response = _Response(send, request_id)
        started = time.perf_counter()
        self._metrics.in_progress += 1
        bound = structlog.contextvars.bind_contextvars(
            request_id=request_id.decode(),
            **({"trace_id": trace.trace_id} if trace else {}),
            **({"amazon_trace": amazon_trace.decode()} if amazon_trace else {}),
        )
        try:
            await self._application(scope, receive, response.send)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
            self._metrics.in_progress -= 1
            self._metrics.observe(
                route_template(scope), scope["method"], response.status or 0, time.perf_counter() - started
            )


class ErrorBoundary:
    """Respond with `internal` to an unhandled exception."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        begun = False

        async def recording_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        match await capture(self._application(scope, receive, recording_send)):
            case ClientDisconnect():
                log.info("request.abandoned", method=scope["method"], path=logged_path(scope))
            case Exception() as error:  # the outermost handler: log once, respond without details
                log.error("request.crashed", method=scope["method"], path=logged_path(scope), exc_info=error)
                if begun:
                    raise error  # the response has begun: the server must close the connection
                await send_problem(send, Problem())


class Deadline:
    """Cancel a request whose caller no longer waits (`X-Deadline`: milliseconds left), unless its
    response has begun."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = _seconds_left(dict(scope["headers"])) if scope["type"] == "http" else None
        if seconds is None:
            await self._application(scope, receive, send)
            return

        async def send_in_time(message: Message) -> None:
            deadline.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(seconds) as deadline:
                with request_deadline(seconds):
                    await self._application(scope, receive, send_in_time)
        except TimeoutError:
            if not deadline.expired():
                raise
            log.warning("request.expired", method=scope["method"], path=logged_path(scope), seconds=seconds)
            await send_problem(send, DeadlineExceeded())


class BodyLimit:
    """Refuse bodies over 1 MiB, with or without Content-Length. Files are never sent through the app."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES:
            await send_problem(send, TooLarge("The body is over 1 MiB."))
            return
        received = 0

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(TooLarge.status)  # FastAPI passes on no other exception from a body
            return message

        await self._application(scope, receive_bounded, send)


def route_template(scope: Scope) -> str:
    """Return the selected route with its parameters' names, never the path of the request."""
    fast: str | None = scope.get(ROUTE_TEMPLATE)
    if fast is not None:
        return fast
    template = getattr(scope.get("route"), "path_format", UNMATCHED)
    # A route in a router has no prefix, because FastAPI adds that when it selects the route.
    is_prefixed = template is UNMATCHED or template.startswith(API_PREFIX) or not scope["path"].startswith(API_PREFIX)
    return template if is_prefixed else API_PREFIX + template


def _seconds_left(headers: RawHeaders) -> float | None:
    """Return the seconds until the deadline. None without a header, or if its value is not a number."""
    milliseconds = headers.get(DEADLINE_HEADER, b"").decode("latin-1")
    if not re.fullmatch(r"-?\d{1,9}", milliseconds, re.ASCII):
        return None
    return min(int(milliseconds) / 1000, MAX_DEADLINE_SECONDS)
