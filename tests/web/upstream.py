"""A small app behind the web tier that echoes requests and waits for flags that a test raises."""

import asyncio
import json
from collections import defaultdict

from starlette.types import Receive, Scope, Send


class Upstream:
    """Paths under /v1: echo, cookies, collect/{name}, hang/{name}, raise/{flag}, flag/{flag}, events?{kind}={name}."""

    def __init__(self) -> None:
        self._flags: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        kind, name = _kind_and_name(scope)
        match kind:
            case "collect":
                await self._collect(name, receive, send)
            case "stream":
                await self._stream(name, send)
            case "hang":
                await self._hang(name, receive)
            case "raise":
                self._flags[name].set()
                await _respond(send, {})
            case "flag":
                await self._flags[name].wait()
                await _respond(send, {})
            case "cookies":
                await _respond(send, {}, [(b"set-cookie", b"one=1; HttpOnly"), (b"set-cookie", b"two=2")])
            case "hop":
                await _respond(
                    send, {}, [(b"connection", b"x-secret-hop"), (b"x-secret-hop", b"1"), (b"date", b"never")]
                )
            case "loose":
                await _respond(
                    send, {}, [(b"content-security-policy", b"default-src *"), (b"X-Frame-Options", b"DENY")]
                )
            case _:
                await _echo(scope, receive, send)

    async def _collect(self, name: str, receive: Receive, send: Send) -> None:
        """Raise the flag `name` at the first piece of the body; respond with all pieces' sizes after the last."""
        sizes = []
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            sizes.append(len(message.get("body", b"")))
            self._flags[name].set()
            more = message.get("more_body", False)
        await _respond(send, {"sizes": sizes})

    async def _stream(self, name: str, send: Send) -> None:
        """Send one event, and the second event only after the flag `name` is raised."""
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"id: 1\ndata: first\n\n", "more_body": True})
        await self._flags[name].wait()
        await send({"type": "http.response.body", "body": b"id: 2\ndata: second\n\n"})

    async def _hang(self, name: str, receive: Receive) -> None:
        """Raise `name`-begun, never respond, and raise `name`-gone when the client disconnects."""
        self._flags[f"{name}-begun"].set()
        while (await receive())["type"] != "http.disconnect":
            pass
        self._flags[f"{name}-gone"].set()


def _kind_and_name(scope: Scope) -> tuple[str, str]:
    if scope["path"] == "/v1/events":
        kind, _, name = scope["query_string"].decode().partition("=")
    else:
        kind, _, name = scope["path"].removeprefix("/v1/").partition("/")
    return kind, name


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    target = scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
    await _respond(
        send, {"method": scope["method"], "target": target, "headers": headers, "body": body.decode("latin-1")}
    )


async def _respond(send: Send, members: dict[str, object], headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = json.dumps(members).encode()
    own = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": [*own, *(headers or [])]})
    await send({"type": "http.response.body", "body": body})
