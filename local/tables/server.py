"""DynamoDB's JSON 1.0 protocol over HTTP, as a bare ASGI application without lifespan."""

import sqlite3
import uuid
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from darkroom_process.asgi_types import Application, Receive, Scope, Send
from darkroom_shared.task_group import TaskGroup
from local.asgi import read_body, send_response
from local.signed_requests import is_health_check
from local.tables import batches, items, queries, rows, tables, transactions
from local.tables.database import Database
from local.tables.errors import (
    InternalServerError,
    TablesError,
    UnknownOperationException,
)
from local.tables.requests import Parameters, decode
from local.tables.sweeping import sweep_for_ever

Operation = Callable[[Database, Parameters], Awaitable[bytes]]

TARGET_PREFIX: Final = "DynamoDB_20120810."

OPERATIONS: Final[dict[str, Operation]] = {
    "BatchGetItem": batches.batch_get_item,
    "BatchWriteItem": batches.batch_write_item,
    "CreateTable": tables.create_table,
    "DeleteItem": items.delete_item,
    "GetItem": items.get_item,
    "PutItem": items.put_item,
    "Query": queries.query,
    "Scan": queries.scan,
    "TransactWriteItems": transactions.transact_write_items,
    "UpdateItem": items.update_item,
    "UpdateTimeToLive": tables.update_time_to_live,
}

log = structlog.get_logger()


@asynccontextmanager
async def open_application(file: Path) -> AsyncIterator[Application]:
    """Serve the file's tables until the end of the block. Raises the errors of `Database.open`."""
    database = Database(file)
    try:
        await database.open()
        log.info("server.ready", file=str(file))
        async with TaskGroup() as group:
            tasks = [group.create_task(database.serve()), group.create_task(sweep_for_ever(database))]
            yield _application(database)
            for task in tasks:
                task.cancel()
    finally:
        await database.close()


def _application(database: Database) -> Application:
    """Return the application for signed requests, whose bodies `SignedRequestsOnly` limits."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if is_health_check(scope):
            await send_response(send, 200)
            return
        body = await read_body(receive)
        if body is not None:
            await _handle(send, *await _respond(database, dict(scope["headers"]), body))

    return serve


async def _respond(database: Database, headers: dict[bytes, bytes], body: bytes) -> tuple[int, bytes]:
    name = headers.get(b"x-amz-target", b"").decode("latin-1").removeprefix(TARGET_PREFIX)
    try:
        operation = OPERATIONS.get(name)
        if operation is None:
            raise UnknownOperationException(f"Not supported here: {name}")
        return 200, await operation(database, decode(body))
    except TablesError as failure:
        return failure.status, rows.encode(failure.body())
    except sqlite3.Error as error:  # a full disk or a damaged file: nothing was written
        log.exception("storage.failed", operation=name)
        return 500, rows.encode(InternalServerError(str(error)).body())


async def _handle(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/x-amz-json-1.0"),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", uuid.uuid4().hex.upper().encode()),
        (b"x-amz-crc32", str(zlib.crc32(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
