"""Start the scripted service: `python -m tests.client.scripted_main PORT FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Message, Receive, Scope, Send

from tests.client.scripted_service import accounts, api
from tests.client.scripted_state import Account
from tests.client.scripted_storage import Storage, cut


class Application:
    """Serves the storage below `/s3/` and the API elsewhere, or the response that the account's script contains."""

    def __init__(self, folder: Path) -> None:
        self._storage = Storage(accounts, folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await api(scope, receive, send)
        elif scope["path"].startswith("/s3/"):
            await self._storage(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    async def _api(self, scope: Scope, receive: Receive, send: Send) -> None:
        account = _account(scope)
        scripted = None if account is None else _scripted(account, scope)
        if scripted is None:
            await api(scope, receive, send)
        elif scripted.get("lost"):

            async def swallow(message: Message) -> None:
                if message["type"] == "http.response.body":
                    cut(receive)

            await api(scope, receive, swallow)
        else:
            await _respond(send, scripted)


def _account(scope: Scope) -> Account | None:
    token = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
    return next((account for account in accounts.values() if token in account.tokens), None)


def _scripted(account: Account, scope: Scope) -> dict[str, Any] | None:
    """Record the request, and return the first scripted response that matches it."""
    request = f"{scope['method']} {scope['path']}"
    key = dict(scope["headers"]).get(b"idempotency-key", b"").decode()
    account.record.requests.append({"request": request, "query": scope["query_string"].decode(), "key": key})
    for scripted in account.script.responses:
        if scripted["request"] == request:
            account.script.responses.remove(scripted)
            return scripted
    return None


async def _respond(send: Send, scripted: dict[str, Any]) -> None:
    headers = {"content-type": "application/problem+json"} | scripted.get("headers", {})
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    body = scripted.get("body", {})
    body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    await send({"type": "http.response.start", "status": scripted["status"], "headers": encoded})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        Application(Path(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), log_level="info", access_log=False
    )
