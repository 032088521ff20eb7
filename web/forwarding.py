"""Forward `/v1/*` to the app, bytes in both directions, through a streaming httpx transport."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypedDict

import anyio
import httpx
import structlog
from starlette.types import Receive, Scope, Send

from darkroom_process.logged_path import logged_path
from darkroom_process.request_head import KNOWN_METHODS
from darkroom_process.secret_file import Secret
from darkroom_process.tier_headers import DEADLINE_HEADER, TIER_HEADER
from darkroom_shared.problems import (
    BadRequest,
    DeadlineExceeded,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unavailable,
)
from darkroom_shared.task_group import first_of
from web.exchange import Exchange
from web.forwarded_headers import headers_for_app, identify
from web.metrics import EVENTS, FORWARDED, ForwardingMetrics
from web.request_body import MAX_BODY_BYTES, ClientDisconnected, RequestBody, too_large
from web.session_cookie import HeaderList

DEADLINE_SECONDS = 10.0
CONNECT_SECONDS = 2.0
RETRY_AFTER_SECONDS = 2
EVENTS_PATH = b"/v1/events"
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_RETRYABLE_ERRORS = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long the app may take: until the head of its response, and between two pieces of the body."""

    head_seconds: float
    max_idle_seconds: float
    sends_deadline: bool = False
    streams: bool = False

    def timeouts(self) -> dict[str, float]:
        read = max(self.head_seconds, self.max_idle_seconds)
        return {"connect": CONNECT_SECONDS, "pool": CONNECT_SECONDS, "write": DEADLINE_SECONDS, "read": read}


PLAIN = TimeLimits(head_seconds=DEADLINE_SECONDS, max_idle_seconds=DEADLINE_SECONDS, sends_deadline=True)
LONG_POLL = TimeLimits(head_seconds=40.0, max_idle_seconds=10.0)
"""`wait` is at most 25 s; the rest is a margin for a busy app."""
EVENT_STREAM = TimeLimits(head_seconds=DEADLINE_SECONDS, max_idle_seconds=45.0, streams=True)
"""A heartbeat comes every 15 s; after three missed ones the connection counts as dead."""


class Stopping(Exception):
    """This process is about to stop: an event stream ends, and its client reconnects to another process."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Maximum number of requests and streams in flight."""

    requests: int
    streams: int


class State(TypedDict):
    """The typed lifespan state of the forwarder."""

    transport: httpx.AsyncHTTPTransport


@asynccontextmanager
async def open_transport() -> AsyncIterator[httpx.AsyncHTTPTransport]:
    """Open the only connection pool to the app.

    It is a bare transport because an httpx client would store our users' cookies.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30.0)
    async with httpx.AsyncHTTPTransport(limits=limits, trust_env=False) as transport:
        yield transport


class Forwarder:
    """ASGI application that sends each request to the app and returns the response. It does not know items."""

    def __init__(
        self,
        app_url: str,
        limits: Limits,
        metrics: ForwardingMetrics,
        stopping: asyncio.Event,
        tier_secret: Secret | None = None,
    ) -> None:
        self._tier_secret = tier_secret
        self._app_url = httpx.URL(app_url)
        self._limits = limits
        self._metrics = metrics
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, send, identify(scope["headers"]))
        try:
            _check(scope)
            time_limits = _time_limits(scope)
            with self._counted(time_limits):
                await self._forward_while_connected(exchange, RequestBody(receive, scope["headers"]), time_limits)
        except Problem as problem:
            await exchange.send_problem(problem)
        seconds = exchange.seconds()
        route = EVENTS if scope["raw_path"] == EVENTS_PATH else FORWARDED
        self._metrics.requests.observe(route, scope["method"], exchange.status, seconds)
        log.info(
            "request.forwarded",
            method=scope["method"],
            path=logged_path(scope),
            status=exchange.status,
            seconds=seconds,
            **exchange.identity.log_fields(),
            trace_id=exchange.identity.trace.trace_id,
        )

    @contextmanager
    def _counted(self, time_limits: TimeLimits) -> Iterator[None]:
        metrics, requests = self._metrics, self._metrics.requests
        if time_limits.streams:
            if metrics.streams_in_progress >= self._limits.streams:
                metrics.refused_streams.inc()
                raise Unavailable("Too many event streams are open.", retry_after_seconds=RETRY_AFTER_SECONDS)
            metrics.streams_in_progress += 1
        else:
            if requests.in_progress >= self._limits.requests:
                metrics.refused_requests.inc()
                raise Unavailable("Too many requests are in flight.", retry_after_seconds=RETRY_AFTER_SECONDS)
            requests.in_progress += 1
        try:
            yield
        finally:
            if time_limits.streams:
                metrics.streams_in_progress -= 1
            else:
                requests.in_progress -= 1

    async def _forward_while_connected(self, exchange: Exchange, body: RequestBody, time_limits: TimeLimits) -> None:
        """Cancel the request to the app when the client disconnects, and end a stream when this process stops.

        It is cancelled only by anyio's scopes: httpcore closes connections of its pool one after the other, shielded
        from anyio's cancellation but not from asyncio's, which would leave the remaining ones open.
        """
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_raise_when_client_gone, body)
                if time_limits.streams:
                    group.start_soon(self._raise_when_stopping)
                await self._forward(exchange, body, time_limits)
                group.cancel_scope.cancel()
        except* ClientDisconnected:
            self._metrics.abandoned.inc()
        except* Stopping:
            await exchange.end_stream(Unavailable("This server is stopping.", retry_after_seconds=1))
        except* Problem as problems:
            await exchange.send_problem(first_of(problems))

    async def _raise_when_stopping(self) -> None:
        await self._stopping.wait()
        raise Stopping

    async def _forward(self, exchange: Exchange, body: RequestBody, time_limits: TimeLimits) -> None:
        try:
            with anyio.fail_after(time_limits.head_seconds):
                response = await self._send_request(exchange, body, time_limits)
        except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._unavailable(exchange, error) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            self._metrics.late.inc()
            raise DeadlineExceeded("The service did not respond in time.") from error
        except httpx.LocalProtocolError as error:
            raise BadRequest("The request's target or a header has characters that HTTP does not allow.") from error
        except httpx.TransportError as error:
            raise self._unavailable(exchange, error) from error
        try:
            if not await exchange.send_response(response):
                self._metrics.cut.inc()
                if time_limits.streams:
                    await exchange.end_stream(Unavailable())
        finally:
            await response.aclose()

    def _unavailable(self, exchange: Exchange, error: httpx.TransportError) -> Unavailable:
        self._metrics.unreachable.inc()
        log.warning("app.unreachable", error=type(error).__name__, **exchange.identity.log_fields())
        return Unavailable(retry_after_seconds=RETRY_AFTER_SECONDS)

    async def _send_request(self, exchange: Exchange, body: RequestBody, time_limits: TimeLimits) -> httpx.Response:
        """Return the head of the app's response. Retries once, on another connection, if that is safe."""
        transport: httpx.AsyncBaseTransport = exchange.scope["state"]["transport"]
        headers = headers_for_app(exchange.scope, exchange.identity, self._app_url.netloc)
        if self._tier_secret:
            headers = [*headers, (TIER_HEADER, self._tier_secret.signing)]
        try:
            return await transport.handle_async_request(self._request(exchange, headers, body, time_limits))
        except _RETRYABLE_ERRORS:
            if exchange.scope["method"] not in IDEMPOTENT_METHODS or not body.empty:
                raise
            self._metrics.repeated.inc()
            return await transport.handle_async_request(self._request(exchange, headers, body, time_limits))

    def _request(
        self, exchange: Exchange, headers: HeaderList, body: RequestBody, time_limits: TimeLimits
    ) -> httpx.Request:
        if time_limits.sends_deadline:
            left_milliseconds = max(0, round((DEADLINE_SECONDS - exchange.seconds()) * 1000))
            headers = [*headers, (DEADLINE_HEADER, b"%d" % left_milliseconds)]
        scope = exchange.scope
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        # `target` sends the path as received; httpx would normalise it.
        extensions = {"timeout": time_limits.timeouts(), "target": scope["raw_path"] + query}
        return httpx.Request(scope["method"], self._app_url, headers=headers, stream=body, extensions=extensions)


def _check(scope: Scope) -> None:
    """Raise the problems that need no request to the app."""
    if scope["method"] not in KNOWN_METHODS:
        raise MethodNotAllowed
    if not {".", ".."}.isdisjoint(scope["path"].split("/")):
        raise NotFound  # a path that leaves /v1 would reach routes that are not forwarded
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > MAX_BODY_BYTES:
            raise too_large()


def _time_limits(scope: Scope) -> TimeLimits:
    """Return the limits of a request. Only `/v1/events` is streamed or long-polled; elsewhere the same header and
    parameter extend no limit.
    """
    if scope["method"] == "GET" and scope["raw_path"] == EVENTS_PATH:
        if any(name == b"accept" and b"text/event-stream" in value for name, value in scope["headers"]):
            return EVENT_STREAM
        if any(pair.startswith(b"wait=") for pair in scope["query_string"].split(b"&")):
            return LONG_POLL
    return PLAIN


async def _raise_when_client_gone(body: RequestBody) -> None:
    await body.wait_for_disconnect()
    raise ClientDisconnected
