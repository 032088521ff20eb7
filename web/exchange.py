"""One client request and its response: ids, duration, and what has been sent so far."""

import asyncio
import time

import httpx
import structlog
from starlette.types import Scope, Send

from darkroom_process.problem_response import send_problem
from darkroom_process.request_id import REQUEST_ID
from darkroom_shared.problems import Problem
from web.forwarded_headers import Identity, headers_for_client

STALLED_CLIENT_SECONDS = 30.0

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Exchange:
    """A request that gets exactly one response."""

    def __init__(self, scope: Scope, send: Send, identity: Identity) -> None:
        self.scope = scope
        self.identity = identity
        self.status = 0
        """0 until the response head has been sent."""
        self._send = send
        self._began = time.monotonic()

    def seconds(self) -> float:
        return round(time.monotonic() - self._began, 4)

    async def send_response(self, response: httpx.Response) -> bool:
        """Forward each piece as it arrives. Returns False if the app or the client stalled before the end."""
        try:
            await self._send_head(response)
            async for piece in response.stream:  # type: ignore[union-attr]  # an async transport's stream is async
                await self._send_piece(piece)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        except (httpx.TransportError, TimeoutError) as error:
            log.warning("response.truncated", error=type(error).__name__, **self.identity.log_fields())
            return False
        return True

    async def send_problem(self, problem: Problem) -> None:
        """Respond with the problem, unless a response has already begun."""
        if not self.status:
            self.status = problem.status
            headers = {REQUEST_ID.decode(): self.identity.request_id.decode()}
            await send_problem(self._send, problem, headers)

    async def end_stream(self, problem: Problem) -> None:
        """End a response that may end anywhere; if none has begun, send the problem."""
        if self.status:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self.send_problem(problem)

    async def _send_head(self, response: httpx.Response) -> None:
        self.status = response.status_code
        headers = headers_for_client(response.headers.raw, self.identity)
        await self._send({"type": "http.response.start", "status": self.status, "headers": headers})

    async def _send_piece(self, piece: bytes) -> None:
        async with asyncio.timeout(STALLED_CLIENT_SECONDS):
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
