"""uvicorn's HTTP protocol with limits on a request's head and strict parsing; every server of ours uses it.

llhttp, the parser inside httptools, refuses bare LF and CR, folded lines, spaces before a colon, control characters,
repeated Content-Length, and Content-Length together with Transfer-Encoding. `request_head` refuses what llhttp accepts.
This class limits the bytes and seconds of a head, refuses trailers and long pipelines, and sends each error as
problem+json after the responses to earlier requests.

llhttp does not report where in a packet a request begins, so each head and each body is passed to it as pieces of their
own. The normal path is cheap: no byte is copied, and a head that arrives in one piece needs no timer.

Besides uvicorn and httptools it uses only the standard library, so that the emulator's interpreter can import it.
"""

import asyncio
import logging
from enum import Enum
from typing import Any, ClassVar

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from darkroom_process.request_head import MAX_HEAD_BYTES, check_head, end_of_head, next_end_of_chunks
from darkroom_shared.problems import MEDIA_TYPE, BadRequest, HeadTooLarge, Problem, RequestTimeout

MAX_PIPELINED = 16
"""Requests that wait for the response to an earlier one on their connection; uvicorn has no limit."""

_ERROR_HEADERS = (
    f"content-type: {MEDIA_TYPE}\r\n"
    "cache-control: no-store\r\n"
    "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "x-content-type-options: nosniff\r\n"
    "cross-origin-opener-policy: same-origin\r\n"
    "cross-origin-resource-policy: same-origin\r\n"
    "referrer-policy: no-referrer\r\n"
    "connection: close\r\n"
).encode()

log = logging.getLogger(__name__)


class _Reading(Enum):
    """What the next byte of a connection belongs to."""

    NOTHING = 1
    HEAD = 2
    BODY = 3


class StrictHttpProtocol(HttpToolsProtocol):
    """One connection. While it has no request, also at its start, it closes after uvicorn's `timeout_keep_alive`."""

    max_head_seconds: ClassVar[float] = 5.0
    """From the first byte of a head to its last."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._reading = _Reading.NOTHING
        self._incomplete_head = bytearray()
        self._head_is_complete = False
        """The parser has received the head to its end."""
        self._body_bytes: int | None = 0
        """Not received yet; None if the body is chunked."""
        self._pending_bytes = 0
        """Of a chunked body, received since the parser last delivered a part of it."""
        self._progressed = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._error: Problem | None = None
        self._ignores_input = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        start = 0
        try:
            while start < len(data) and not self._ignores_input:
                start = self._feed(data, start)
        except httptools.HttpParserUpgrade:
            self._ignores_input = True  # the request is served as HTTP/1.1; nothing after it is read
        except Problem as problem:
            self._refuse(problem)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, Problem) else BadRequest("The request is not valid HTTP/1.1."))

    def _feed(self, data: bytes, start: int) -> int:
        """Pass the parser one head or a piece of one body, or what the packet has of it, and return where that ends."""
        is_body = self._reading is _Reading.BODY
        stop = self._end_of_body_piece(data, start) if is_body else self._end_of_head_piece(data, start)
        self._progressed = False
        self.parser.feed_data(data if stop - start == len(data) else memoryview(data)[start:stop])
        if is_body:
            self._pending_bytes = 0 if self._progressed else self._pending_bytes + stop - start
            if self._pending_bytes > MAX_HEAD_BYTES:
                raise HeadTooLarge
        return stop

    def _end_of_head_piece(self, data: bytes, start: int) -> int:
        self._reading = _Reading.HEAD
        end = end_of_head(data, start, self._incomplete_head)
        self._head_is_complete = end is not None
        if end is not None:
            return end
        self._unset_keepalive_if_required()
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.max_head_seconds, self._end_slow_head)
        return len(data)

    def _end_of_body_piece(self, data: bytes, start: int) -> int:
        if not self._body_bytes:
            return next_end_of_chunks(data, start)
        end = min(len(data), start + self._body_bytes)
        self._body_bytes -= end - start
        return end

    def on_message_begin(self) -> None:
        if self._reading is not _Reading.HEAD:
            raise BadRequest("The end of the previous request was not recognised.")
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reading is _Reading.BODY:
            raise BadRequest("Trailers are not supported.")
        super().on_header(name, value.rstrip(b" \t"))  # llhttp leaves the optional whitespace at the end

    def on_headers_complete(self) -> None:
        upgrade = self.parser.should_upgrade()
        if not self._head_is_complete:
            raise BadRequest("The head does not end in an empty line.")
        self._body_bytes = check_head(self.parser.get_http_version(), self.url, self.headers, upgrade=upgrade)
        if len(self.pipeline) >= MAX_PIPELINED:
            raise BadRequest("Too many requests were sent before the first had its response.")
        super().on_headers_complete()
        if upgrade:
            self.cycle.keep_alive = False
        self._reading, self._pending_bytes = _Reading.BODY, 0
        self._stop_head_timer()
        self._unset_keepalive_if_required()

    def on_body(self, body: bytes) -> None:
        self._progressed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._reading, self._progressed = _Reading.NOTHING, True
        super().on_message_complete()
        if not self.cycle.keep_alive:
            self._ignores_input = True

    def on_response_complete(self) -> None:
        was_last = not self.pipeline
        super().on_response_complete()
        if was_last and self._error is not None:
            self._send_error(self._error)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_slow_head(self) -> None:
        self._head_timer = None
        if self.flow.read_paused:  # we paused reading: the client may have sent the rest
            self._head_timer = self.loop.call_later(self.max_head_seconds, self._end_slow_head)
        else:
            self._refuse(RequestTimeout())

    def _refuse(self, problem: Problem) -> None:
        """Read nothing more, respond to the earlier requests, then send the problem and close."""
        self._ignores_input = True
        self._stop_head_timer()
        log.info("request.refused", extra={"status": problem.status, "reason": problem.detail or problem.title})
        self._error = problem
        if self._reading is _Reading.BODY:
            self._abandon(self.cycle)
        elif self.cycle is None or self.cycle.response_complete:
            self._send_error(problem)

    def _abandon(self, cycle: RequestResponseCycle) -> None:
        """End a request whose body is malformed; its application sees a client that disconnected."""
        if self.pipeline:  # it is the last in the pipeline and was not started
            self.pipeline.popleft()
            return
        may_respond = not cycle.response_started
        cycle.disconnected = True
        cycle.message_event.set()
        if may_respond and self._error is not None:
            self._send_error(self._error)
        else:
            self.transport.close()

    def _send_error(self, problem: Problem) -> None:
        """Send the problem and close. A client that keeps sending may see a reset instead, because its input is not
        read to the end.
        """
        if self.transport.is_closing():
            return
        body = problem.to_json()
        defaults = b"".join(b"%s: %s\r\n" % pair for pair in self.server_state.default_headers)
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.transport.write(b"".join((STATUS_LINE[problem.status], defaults, _ERROR_HEADERS, length, body)))
        self.transport.close()
