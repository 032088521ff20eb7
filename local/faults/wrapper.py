"""Wrap an AWS stand-in, inject the plan's faults, and serve the plan at `/__faults`."""

import asyncio
import socket
import struct

from darkroom_process.asgi_types import Application, Message, Receive, Scope, Send
from darkroom_process.hosts import HEALTH_PATHS
from local.asgi import read_body, replay, send_response, wait_for_disconnect
from local.faults.operations import has_query_body, name_operation
from local.faults.plan import BadPlan, Fault, Plan
from local.faults.responses import ERRORS, send_error
from local.faults.unprocessed import UNPROCESSED, process_in_part
from local.signatures import NotSigned, Verifier
from local.signed_requests import read_signed_body

CONTROL_PATH = "/__faults"
LOOPBACK_HOSTS = ("127.0.0.1", "::1")
RESET = struct.pack("ii", 1, 0)  # linger for 0 s: the peer gets a reset, no orderly close


class Faults:
    """Object bodies are forwarded unread; bodies of the other protocols are small and are read first."""

    def __init__(self, application: Application, plan: Plan, verifier: Verifier) -> None:
        self._application = application
        self._plan = plan
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH_PATHS:
            await self._application(scope, receive, send)
        elif scope["path"] == CONTROL_PATH:
            await self._control(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        body = b""
        if b"x-amz-target" in headers or has_query_body(headers):
            whole = await read_body(receive)
            if whole is None:
                return
            body, receive = whole, replay(whole, then=receive)
        operation = name_operation(scope["method"], scope["path"], scope.get("query_string", b""), headers, body)
        drop_response = False
        for rule in self._plan.injections(operation.name):
            match rule.fault:
                case Fault.LATENCY:
                    await asyncio.sleep(rule.seconds)
                case Fault.DROP_RESPONSE:
                    drop_response = True
                case Fault.RESET:
                    await _break_connection(send, receive)
                    return
                case Fault.UNPROCESSED if operation.name in UNPROCESSED:
                    await process_in_part(self._application, operation, scope, body, send)
                    return
                case fault if fault in ERRORS:
                    await send_error(send, operation, fault, body)
                    return
        if drop_response:
            await self._application(scope, receive, _swallow)
            await _break_connection(send, receive)
        else:
            await self._application(scope, receive, send)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is None or client[0] not in LOOPBACK_HOSTS:
            await send_response(send, 404)
            return
        try:
            body = await read_signed_body(self._verifier, scope, receive)
        except NotSigned as failure:
            await send_response(send, 403, f"{failure.message}\n".encode(), close=True)
            return
        match scope["method"]:
            case "PUT":
                try:
                    self._plan.replace(body or b"")
                except BadPlan as error:
                    await send_response(send, 400, f"{error}\n".encode())
                    return
                await send_response(send, 204)
            case "GET":
                await send_response(send, 200, self._plan.describe(), "application/json")
            case _:
                await send_response(send, 405)


async def _swallow(message: Message) -> None:
    pass


async def _break_connection(send: Send, receive: Receive) -> None:
    """Reset the connection.

    uvicorn's `send` belongs to its request cycle, which holds the connection; ASGI offers no other access to it.
    """
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]  # a bound method, see above
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()
    await wait_for_disconnect(receive)
