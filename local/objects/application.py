"""The server as one ASGI application: authentication, dispatch, and errors as responses."""

import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from darkroom_process.asgi_types import Application, Message, Receive, Scope, Send
from darkroom_process.hosts import HEALTH_PATHS
from darkroom_shared.times import Clock, utc_now
from local.asgi import send_response
from local.objects import cors, documents
from local.objects.calls import find_call
from local.objects.errors import ClientDisconnected, ContentGone, S3Error
from local.objects.files import is_full
from local.objects.requests import Request, read_request
from local.objects.responses import Response, send_object_response
from local.objects.settings import Settings
from local.objects.signatures import Credential, authenticate
from local.objects.storage import Storage, open_storage

_MAX_READS = 5
"""Attempts to read an object that is replaced while it is being read."""

log = structlog.get_logger()


class _Client:
    """Records whether the request's body was read; at the first read uvicorn sends `100 Continue`."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self.requested = receive, False

    async def receive(self) -> Message:
        self.requested = True
        return await self._receive()


class ObjectsApplication:
    """S3 for one credential. All other callers get only errors and CORS preflights."""

    def __init__(self, storage: Storage, credential: Credential, clock: Clock) -> None:
        self._storage, self._credential, self._clock = storage, credential, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] in HEALTH_PATHS:
            await send_response(send, 200)
            return
        client = _Client(receive)
        request_id = secrets.token_hex(8).upper()
        try:
            await self._serve(scope, client, send, request_id)
        except ClientDisconnected:
            log.info("client.disconnected", method=scope["method"])
        # uvicorn closes the connection, so that the client does not take the response for a complete one
        except OSError as error:
            log.error("response.aborted", method=scope["method"], error=str(error))

    async def _serve(self, scope: Scope, client: _Client, send: Send, request_id: str) -> None:
        for _ in range(_MAX_READS):
            made = await self._respond(scope, client, request_id)
            try:
                await send_object_response(made, scope["method"], self._storage, client.receive, send)
            except ContentGone:
                continue  # the next attempt reads the object that replaced it
            return
        raise FileNotFoundError("a row names a file that is not there")

    async def _respond(self, scope: Scope, client: _Client, request_id: str) -> Response:
        headers = {"x-amz-request-id": request_id, "x-content-type-options": "nosniff", "server": "Darkroom"}
        try:
            request = read_request(scope, client.receive)
        except S3Error as error:
            return _error_response(error, scope["path"], request_id).with_headers(headers)
        rules: list[cors.Rule] = []
        try:
            if "origin" in request.headers:
                rules = await self._storage.read(lambda connection: cors.find_rules(connection, request.bucket))
            made = await self._perform(request, rules)
        except S3Error as error:
            if error.code == "InsufficientStorage":
                log.error("disk.full", method=request.method)
            made = _error_response(error, scope["path"], request_id)
        except (OSError, sqlite3.Error) as error:
            made = _error_response(_failure(request, error), scope["path"], request_id)
        if request.expects_continue and not client.requested:
            # The client may send its body or not, so the start of its next request would be ambiguous.
            made = made.with_headers({"connection": "close"})
        if request.method != "OPTIONS":
            made = made.with_headers(cors.response_headers(request, rules))
        return made.with_headers(headers)

    async def _perform(self, request: Request, rules: list[cors.Rule]) -> Response:
        if request.method == "OPTIONS":
            return cors.preflight(request, rules)
        now = self._clock()
        try:
            identity = authenticate(request, self._credential, now)
        except S3Error:
            rules.clear()  # S3 does not let browsers read these errors
            raise
        return await find_call(request)(request, identity, self._storage, now)


def _error_response(error: S3Error, resource: str, request_id: str) -> Response:
    body = documents.error_document(error, resource, request_id)
    return Response(error.status, {"content-type": "application/xml", **error.headers}, body)


def _failure(request: Request, error: OSError | sqlite3.Error) -> S3Error:
    """Log one line; the client learns only that the server failed."""
    full = is_full(error) if isinstance(error, OSError) else _is_full_catalogue(error)
    log.error("request.failed", method=request.method, full_disk=full, error=str(error))
    return S3Error("InsufficientStorage" if full else "InternalError")


def _is_full_catalogue(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


@asynccontextmanager
async def open_application(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Application]:
    """Open the application over its folder. Raises FolderInUse, NewerVersion or OSError."""
    credential = Credential(settings.aws_access_key_id, settings.aws_secret_access_key.get_secret_value())
    async with open_storage(settings.objects_folder, settings.objects_spare_bytes) as storage:
        yield ObjectsApplication(storage, credential, clock)
