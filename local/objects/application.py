"""The server as one ASGI application: who asks, for what, and how errors become answers."""

import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from local.asgi import Application, Receive, Scope, Send, answer
from local.objects import cors, documents
from local.objects.answers import Answer, send_answer
from local.objects.calls import find_call
from local.objects.errors import ClientGone, S3Error
from local.objects.files import is_full
from local.objects.requests import Request, read_request
from local.objects.settings import Settings
from local.objects.signatures import Credential, authenticate
from local.objects.storage import Storage, open_storage
from shared.times import Clock, utc_now

HEALTH_PATHS = (b"/healthz", b"/readyz")

log = structlog.get_logger()


class ObjectsApplication:
    """S3 for one credential. Nobody else is answered anything but errors and CORS preflights."""

    def __init__(self, storage: Storage, credential: Credential, clock: Clock) -> None:
        self._storage, self._credential, self._clock = storage, credential, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["raw_path"] in HEALTH_PATHS:
            await answer(send, 200)
            return
        request_id = secrets.token_hex(8).upper()
        try:
            made = await self._answer(scope, receive, request_id)
            await send_answer(made, scope["method"], self._storage, receive, send)
        except ClientGone:
            log.info("client.left", method=scope["method"])

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        headers = {"x-amz-request-id": request_id, "x-content-type-options": "nosniff", "server": "Darkroom"}
        try:
            request = read_request(scope, receive)
        except S3Error as error:
            return _error_answer(error, scope["path"], request_id).with_headers(headers)
        rules: list[cors.Rule] = []
        try:
            if "origin" in request.headers:
                rules = await self._storage.catalogue.read(lambda found: cors.find_rules(found, request.bucket))
            made = await self._perform(request, rules)
        except S3Error as error:
            made = _error_answer(error, scope["path"], request_id)
            if request.expects_continue:
                # The client may or may not send its body now; nobody can tell where its next request would begin.
                made = made.with_headers({"connection": "close"})
        except (OSError, sqlite3.Error) as error:
            made = _error_answer(_failure(request, error), scope["path"], request_id)
        if request.method != "OPTIONS":
            made = made.with_headers(cors.answer_headers(request, rules))
        return made.with_headers(headers)

    async def _perform(self, request: Request, rules: list[cors.Rule]) -> Answer:
        if request.method == "OPTIONS":
            return cors.preflight(request, rules)
        now = self._clock()
        identity = authenticate(request, self._credential, now)
        return await find_call(request)(request, identity, self._storage, now)


def _error_answer(error: S3Error, resource: str, request_id: str) -> Answer:
    body = documents.error_document(error, resource, request_id)
    return Answer(error.status, {"content-type": "application/xml", **error.headers}, body)


def _failure(request: Request, error: OSError | sqlite3.Error) -> S3Error:
    """One line in the log; the client learns no more than that it is our fault."""
    full = is_full(error) if isinstance(error, OSError) else _is_full_catalogue(error)
    log.error("request.failed", method=request.method, full_disk=full, error=str(error))
    return S3Error("InsufficientStorage" if full else "InternalError")


def _is_full_catalogue(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


@asynccontextmanager
async def open_application(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Application]:
    """The application over its folder. Raises FolderInUse, NewerVersion or OSError."""
    credential = Credential(settings.aws_access_key_id, settings.aws_secret_access_key.get_secret_value())
    async with open_storage(settings.objects_folder, settings.objects_spare_bytes) as storage:
        yield ObjectsApplication(storage, credential, clock)
