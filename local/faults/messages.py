"""Misbehaviour that SQS allows: a received message comes twice, late, or after later ones."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from darkroom_process.asgi_types import Application, Receive, Scope, Send
from local.asgi import BufferedResponse, read_body, replay, send_response, with_length
from local.faults.plan import Fault, Plan

RECEIVE = b"AmazonSQS.ReceiveMessage"
BY_RECEIPT = {b"AmazonSQS.DeleteMessage", b"AmazonSQS.ChangeMessageVisibility"}
AGAIN = "-again"
"""Suffix of the receipt of a second delivery, so that deleting both is not an error, as on AWS."""


@dataclass(slots=True)
class HeldMessage:
    """A message that is delivered later, or again."""

    due: float
    message: dict[str, Any]


class MessageFaults:
    """Runs inside the held polls, which query often enough for due messages to arrive in time."""

    def __init__(self, emulator: Application, plan: Plan) -> None:
        self._emulator = emulator
        self._plan = plan
        self._held: dict[str, list[HeldMessage]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = dict(scope.get("headers", ())).get(b"x-amz-target")
        if target != RECEIVE and target not in BY_RECEIPT:
            await self._emulator(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        if target == RECEIVE:
            await self._receive(scope, body, send)
        else:
            await self._use_receipt(scope, body, send)

    async def _receive(self, scope: Scope, body: bytes, send: Send) -> None:
        held = BufferedResponse()
        await self._emulator(scope, replay(body), held.take)
        if held.status == 200:
            request = json.loads(body)
            queue, limit = request["QueueUrl"], int(request.get("MaxNumberOfMessages", 1))
            arrived = [
                message for message in json.loads(held.body).get("Messages", []) if self._arrives(queue, message)
            ]
            delivered = self._take_due(queue, limit - len(arrived)) + arrived
            held.body = json.dumps({"Messages": delivered} if delivered else {}).encode()
        await held.send_on(send)

    def _arrives(self, queue: str, message: dict[str, Any]) -> bool:
        """Return False if the message is held for later; a copy of it may be held in any case."""
        now, arrives = asyncio.get_running_loop().time(), True
        held = self._held.setdefault(queue, [])
        for rule in self._plan.injections("ReceiveMessage", of_messages=True):
            match rule.fault:
                case Fault.DUPLICATE:
                    copy = {**message, "ReceiptHandle": message["ReceiptHandle"] + AGAIN}
                    held.append(HeldMessage(now + rule.seconds, copy))
                case Fault.DELAY if arrives:
                    held.append(HeldMessage(now + rule.seconds, message))
                    arrives = False
                case Fault.REORDER if arrives:
                    held.append(HeldMessage(now + self._plan.random.uniform(0, rule.seconds), message))
                    arrives = False
        return arrives

    def _take_due(self, queue: str, limit: int) -> list[dict[str, Any]]:
        now = asyncio.get_running_loop().time()
        held = self._held.get(queue, [])
        due = sorted((each for each in held if each.due <= now), key=lambda each: each.due)[: max(limit, 0)]
        self._held[queue] = [each for each in held if each not in due]
        return [each.message for each in due]

    async def _use_receipt(self, scope: Scope, body: bytes, send: Send) -> None:
        request = json.loads(body)
        receipt = request.get("ReceiptHandle", "")
        if not receipt.endswith(AGAIN):
            await self._emulator(scope, replay(body), send)
            return
        body = json.dumps(request | {"ReceiptHandle": receipt.removesuffix(AGAIN)}).encode()
        held = BufferedResponse()
        await self._emulator(with_length(scope, body), replay(body), held.take)
        if held.status == 200 or b"ReceiptHandleIsInvalid" not in held.body:
            await held.send_on(send)
        else:
            await send_response(send, 200, b"{}", "application/x-amz-json-1.0")
