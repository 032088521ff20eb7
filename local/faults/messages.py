"""SQS as it may be: a received message comes twice, late, or after its successors."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from local.asgi import Application, HeldAnswer, Receive, Scope, Send, answer, read_body, replay, with_length
from local.faults.plan import Fault, Plan

RECEIVE = b"AmazonSQS.ReceiveMessage"
BY_RECEIPT = {b"AmazonSQS.DeleteMessage", b"AmazonSQS.ChangeMessageVisibility"}
AGAIN = "-again"
"""Ends the receipt of a second delivery, so that deleting both times is no error, as on AWS."""


@dataclass(slots=True)
class Kept:
    """A message that is delivered later, or again."""

    due: float
    message: dict[str, Any]


class MessageFaults:
    """Sits under the held polls, which ask often enough for what is due to come in time."""

    def __init__(self, emulator: Application, plan: Plan) -> None:
        self._emulator = emulator
        self._plan = plan
        self._kept: dict[str, list[Kept]] = {}

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
        held = HeldAnswer()
        await self._emulator(scope, replay(body), held.take)
        if held.status == 200:
            asked = json.loads(body)
            queue, most = asked["QueueUrl"], int(asked.get("MaxNumberOfMessages", 1))
            arrived = [
                message for message in json.loads(held.body).get("Messages", []) if self._arrives(queue, message)
            ]
            delivered = self._take_due(queue, most - len(arrived)) + arrived
            held.body = json.dumps({"Messages": delivered} if delivered else {}).encode()
        await held.give(send)

    def _arrives(self, queue: str, message: dict[str, Any]) -> bool:
        """False if the message is kept for later; a copy of it may be kept in any case."""
        now, arrives = asyncio.get_running_loop().time(), True
        kept = self._kept.setdefault(queue, [])
        for rule in self._plan.injections("ReceiveMessage", of_messages=True):
            match rule.fault:
                case Fault.DUPLICATE:
                    copy = {**message, "ReceiptHandle": message["ReceiptHandle"] + AGAIN}
                    kept.append(Kept(now + rule.seconds, copy))
                case Fault.DELAY if arrives:
                    kept.append(Kept(now + rule.seconds, message))
                    arrives = False
                case Fault.REORDER if arrives:
                    kept.append(Kept(now + self._plan.random.uniform(0, rule.seconds), message))
                    arrives = False
        return arrives

    def _take_due(self, queue: str, room: int) -> list[dict[str, Any]]:
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(queue, [])
        due = sorted((each for each in kept if each.due <= now), key=lambda each: each.due)[: max(room, 0)]
        self._kept[queue] = [each for each in kept if each not in due]
        return [each.message for each in due]

    async def _use_receipt(self, scope: Scope, body: bytes, send: Send) -> None:
        asked = json.loads(body)
        receipt = asked.get("ReceiptHandle", "")
        if not receipt.endswith(AGAIN):
            await self._emulator(scope, replay(body), send)
            return
        body = json.dumps(asked | {"ReceiptHandle": receipt.removesuffix(AGAIN)}).encode()
        held = HeldAnswer()
        await self._emulator(with_length(scope, body), replay(body), held.take)
        if held.status == 200 or b"ReceiptHandleIsInvalid" not in held.body:
            await held.give(send)
        else:
            await answer(send, 200, b"{}", "application/x-amz-json-1.0")
