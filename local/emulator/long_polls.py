"""Hold SQS long polls in front of the emulator, which checks for messages only ten times a second.

A held poll queries the emulator without a wait: immediately, after each request that may bring messages, and every
quarter of a second for messages that become visible by timeout.
"""

import asyncio
import json

from darkroom_process.asgi_types import Application, Receive, Scope, Send
from local.asgi import BufferedResponse, read_body, replay, wait_for_disconnect, with_length

RECEIVE = b"AmazonSQS.ReceiveMessage"
BRINGS_NOTHING = {b"AmazonSQS.DeleteMessage", b"AmazonSQS.DeleteMessageBatch", b"AmazonSQS.GetQueueAttributes"}
POLL_SECONDS = 0.25
MAX_WAIT_SECONDS = 20.0  # SQS's limit


class LongPolls:
    """Handles the JSON protocol only, which every current SDK uses; a poll in the older one waits in the emulator."""

    def __init__(self, emulator: Application) -> None:
        self._emulator = emulator
        self._passed = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = dict(scope.get("headers", ())).get(b"x-amz-target")
        if target != RECEIVE:
            await self._emulator(scope, receive, send)
            if target not in BRINGS_NOTHING:
                self._passed.set()
                self._passed = asyncio.Event()
            return
        body = await read_body(receive)
        if body is None:
            return
        wait_seconds, body = _without_wait(body)
        if wait_seconds is None:
            await self._emulator(scope, replay(body), send)
        else:
            await self._hold(scope, body, wait_seconds, receive, send)

    async def _hold(self, scope: Scope, body: bytes, wait_seconds: float, receive: Receive, send: Send) -> None:
        """Hold one poll. Nothing is received for a client that has disconnected: its messages would be hidden until
        their timeout.
        """
        left = asyncio.create_task(wait_for_disconnect(receive))
        deadline = asyncio.get_running_loop().time() + wait_seconds
        try:
            while not left.done():
                passed = asyncio.create_task(self._passed.wait())
                held = BufferedResponse()
                await self._emulator(with_length(scope, body), replay(body), held.take)
                remaining = deadline - asyncio.get_running_loop().time()
                if remaining <= 0 or held.status != 200 or b'"Messages"' in held.body:
                    passed.cancel()
                    await held.send_on(send)
                    return
                await asyncio.wait(
                    {passed, left}, timeout=min(POLL_SECONDS, remaining), return_when=asyncio.FIRST_COMPLETED
                )
                passed.cancel()
        finally:
            left.cancel()


def _without_wait(body: bytes) -> tuple[float | None, bytes]:
    """Return the wait in seconds, None for no wait, and the same request without a wait."""
    try:
        request = json.loads(body)
        wait_seconds = float(request.get("WaitTimeSeconds") or 0)
    except (ValueError, TypeError, AttributeError):
        return None, body
    if not 0 < wait_seconds <= MAX_WAIT_SECONDS:
        return None, body
    return wait_seconds, json.dumps(request | {"WaitTimeSeconds": 0}).encode()
