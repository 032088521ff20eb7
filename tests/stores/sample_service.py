"""A minimal service with database reads and writes, to see what its users notice of an outage."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Column, MetaData, String, Table, event, select
from sqlalchemy.engine import ExceptionContext
from starlette.middleware import Middleware

from app.http.problem_responses import add_problem_responses
from app.http.request_context import ErrorBoundary, RequestContextMiddleware
from app.stores.aurora import Database, Source
from darkroom_process.metrics import RequestMetrics
from darkroom_shared.ids import new_ulid
from tests.database_engines import MIGRATING_USER, USER
from tests.database_pair import DatabasePair
from tests.fault_proxy import FaultProxy

WAIT_SECONDS = 60

notes = Table("notes", MetaData(), Column("id", String(30), primary_key=True), mysql_engine="InnoDB")

SendRequest = Callable[[], Awaitable[httpx.Response]]


@dataclass(slots=True)
class SampleService:
    """A service whose database has a proxy before each server: readers serve `read`, the writer `read_fresh` and
    `write`.
    """

    database: Database
    writer: FaultProxy
    reader: FaultProxy
    http: httpx.AsyncClient
    acknowledged: set[str] = field(default_factory=set)
    refused_writes: Counter[int] = field(default_factory=Counter)
    """Refused statements on open connections, by the database's error number."""

    async def read(self) -> httpx.Response:
        return await self.http.get("/notes")

    async def read_fresh(self) -> httpx.Response:
        return await self.http.get("/notes/fresh")

    async def write(self) -> httpx.Response:
        note = new_ulid()
        response = await self.http.put(f"/notes/{note}")
        if response.status_code == 200:
            self.acknowledged.add(note)
        return response

    async def warm(self, connections: int = 5) -> None:
        """Open connections in the pools of both servers."""
        for send_request in (self.read, self.read_fresh, self.write):
            responses = await asyncio.gather(*(send_request() for _ in range(connections)))
            assert {response.status_code for response in responses} == {200}

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not holds():  # noqa: ASYNC110 - no event of other tasks and processes
                await asyncio.sleep(0.01)

    async def until_responded(self, send_request: SendRequest, status: int) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while (await send_request()).status_code != status:  # noqa: ASYNC110 - no event of another process
                await asyncio.sleep(0.01)


class Clients:
    """Clients that send requests until the end of the block, with the counts of their response statuses."""

    def __init__(self, send_request: SendRequest, count: int = 4) -> None:
        self.statuses: Counter[int] = Counter()
        self.without_retry_after = 0
        self._requesting, self.count = send_request, count
        self._stop = asyncio.Event()

    async def __aenter__(self) -> "Clients":
        self._tasks = [asyncio.create_task(self._send()) for _ in range(self.count)]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def _send(self) -> None:
        while not self._stop.is_set():
            response = await self._requesting()
            self.statuses[response.status_code] += 1
            if response.status_code >= 500 and "Retry-After" not in response.headers:
                self.without_retry_after += 1
            await asyncio.sleep(0.005)


@asynccontextmanager
async def open_sample_service(
    pair: DatabasePair, name: str, *, user: str = USER, **options: Any
) -> AsyncIterator[SampleService]:
    """Open the service on a database of the pair, with a proxy before each server; `options` are those of
    `Database`.
    """
    async with FaultProxy(pair.writer.port) as writer, FaultProxy(pair.reader.port) as reader:
        database = Database(
            pair.writer.url(name, port=writer.port, user=user),
            reader_url=pair.reader.url(name, port=reader.port, user=user),
            **options,
        )
        await _create_table(pair.writer.url(name, user=MIGRATING_USER))
        await pair.wait_applied()
        transport = httpx.ASGITransport(_application(database), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://sample-service", timeout=WAIT_SECONDS
        ) as http:
            service = SampleService(database, writer, reader, http)
            _count_errors(database, service.refused_writes)
            yield service
        await database.close()


async def _create_table(url: str) -> None:
    migrating = Database(url)
    async with migrating.writer.write() as connection:
        await connection.run_sync(notes.metadata.create_all)
    await migrating.close()


def _count_errors(database: Database, refused: Counter[int]) -> None:
    def note(context: ExceptionContext) -> None:
        refused.update(part for part in context.original_exception.args[:1] if isinstance(part, int))

    for pool in database.pools.values():
        event.listen(pool.engine.sync_engine, "handle_error", note)


def _application(database: Database) -> FastAPI:
    application = FastAPI(
        middleware=[
            Middleware(RequestContextMiddleware, metrics=RequestMetrics(CollectorRegistry())),
            Middleware(ErrorBoundary),
        ]
    )
    add_problem_responses(application)

    async def result(source: Source) -> list[str]:
        async with source.read() as connection:
            return list(await connection.scalars(select(notes.c.id)))

    @application.get("/notes")
    async def read() -> list[str]:
        return await result(database.readers)

    @application.get("/notes/fresh")
    async def read_fresh() -> list[str]:
        return await result(database.writer)

    @application.put("/notes/{note}")
    async def write(note: str) -> None:
        async with database.writer.write() as connection:
            await connection.execute(notes.insert().values(id=note))

    return application
