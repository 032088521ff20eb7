"""The scripted service's storage in bare ASGI: accepts PUTs, checks their digests, cuts connections as scripted."""

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from darkroom_shared.ids import ItemId
from darkroom_shared.items import ItemState
from tests.client.scripted_state import Account, StoredItem


class Storage:
    """Serves `/s3/{account}/{item}/{part}`; part 0 is a whole object."""

    def __init__(self, accounts: dict[str, Account], folder: Path) -> None:
        self._accounts, self._folder = accounts, folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, _, account_id, item_id, part = scope["path"].split("/")
        account = next(each for each in self._accounts.values() if each.id == account_id)
        stored = account.items[ItemId(item_id)]
        if scope["method"] == "PUT":
            await self._put(account, stored, int(part), scope, receive, send)
        else:
            await self._get(account, stored, scope, receive, send)

    async def _put(
        self, account: Account, stored: StoredItem, part: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        expected = base64.b64decode(headers["x-amz-checksum-sha256"]).hex()
        put = {"item": stored.item.id, "part": part, "known": stored.parts.get(part) == expected, "bytes": 0}
        account.record.puts.append(put)
        if account.script.refuse_links:
            account.script.refuse_links -= 1
            await respond(send, 403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
            return
        if account.script.expire_links:
            account.script.expire_links -= 1
            await respond(
                send, 400, b"<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>"
            )
            return
        cut_at = account.script.cut_puts.pop(0) if account.script.cut_puts else None
        body = await self._read_body(account, put, receive, cut_at)
        if body is None:
            return
        if hashlib.sha256(body).hexdigest() != expected or len(body) != int(headers["content-length"]):
            await respond(send, 400, b"<Error><Code>BadDigest</Code></Error>")
            return
        if stored.item.state is not ItemState.UPLOADING:
            await respond(send, 404, b"<Error><Code>NoSuchUpload</Code></Error>")
            return
        # No await since the last byte: the record contains a part completely or not at all.
        (self._folder / f"{stored.item.id}.{part}").write_bytes(body)
        stored.parts[part] = expected
        account.record.stored_bytes += len(body)
        if account.script.dropped_puts:
            account.script.dropped_puts -= 1
            cut(receive)
            return
        await respond(send, 200, b"")

    async def _read_body(
        self, account: Account, put: dict[str, Any], receive: Receive, cut_at: int | None
    ) -> bytes | None:
        """Return the body, or None if the connection ended early, by script or because the client disconnected."""
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            body += chunk
            put["bytes"] += len(chunk)
            account.record.received_bytes += len(chunk)
            if account.script.stall_at is not None and account.record.received_bytes >= account.script.stall_at:
                account.record.stalled.set()
                await until_gone(receive)
                return None
            if cut_at is not None and len(body) >= cut_at:
                cut(receive)
                return None
            more = message.get("more_body", False)
        return bytes(body)

    async def _get(self, account: Account, stored: StoredItem, scope: Scope, receive: Receive, send: Send) -> None:
        files = [self._folder / f"{stored.item.id}.{part}" for part in sorted(stored.parts)]
        content = b"".join([await asyncio.to_thread(file.read_bytes) for file in files])
        if account.script.damage_downloads:
            content = content[:-1] + bytes([content[-1] ^ 1])
        range_header = dict(scope["headers"]).get(b"range", b"bytes=0-").decode()
        offset = int(range_header.removeprefix("bytes=").removesuffix("-"))
        cut_at = account.script.cut_gets.pop(0) if account.script.cut_gets else None
        length = str(len(content) - offset).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 206 if offset else 200,
                "headers": [(b"content-length", length)],
            }
        )
        if cut_at is not None:
            await send({"type": "http.response.body", "body": content[offset : offset + cut_at], "more_body": True})
            cut(receive)
            return
        await send({"type": "http.response.body", "body": content[offset:]})


async def until_gone(receive: Receive) -> None:
    """Keep the connection without reading the rest of the body until the client disconnects."""
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


def cut(receive: Receive) -> None:
    """Abort the TCP connection: `receive` is bound to uvicorn's request cycle, which holds the transport."""
    cycle: Any = getattr(receive, "__self__", None)
    cycle.transport.abort()


async def respond(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/xml")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
