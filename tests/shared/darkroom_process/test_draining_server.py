"""A stop in order: readiness off, then no new connections, then a bounded time for requests in progress."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from darkroom_process.draining_server import DrainingServer
from darkroom_process.readiness import Readiness
from darkroom_process.server_config import server_config

MAX_SECONDS = 30.0


class Slow:
    """Responds to a request when `release` is set."""

    def __init__(self) -> None:
        self.begun, self.release = asyncio.Event(), asyncio.Event()
        self.cancelled = False

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.begun.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@asynccontextmanager
async def serving(
    application: Slow, *, drain_seconds: float = 0.0, grace_seconds: int = 20
) -> AsyncIterator[tuple[DrainingServer, asyncio.Task[None], httpx.AsyncClient, Readiness]]:
    config = server_config(application, grace_seconds=grace_seconds)
    readiness, started = Readiness(), asyncio.Event()
    server = DrainingServer(config, readiness, drain_seconds=drain_seconds, on_startup=started.set)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(MAX_SECONDS):
        await started.wait()
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=MAX_SECONDS) as client:
            yield server, task, client, readiness
        server.stop()
        await task


async def test_readiness_is_off_during_the_drain_and_requests_are_served() -> None:
    application = Slow()
    application.release.set()
    async with serving(application, drain_seconds=3600) as (server, _task, client, readiness):
        server.drain()
        assert readiness.draining
        assert not readiness.stopping.is_set()
        assert (await client.get("/")).status_code == 204


async def test_a_stop_completes_requests_in_progress_and_ends_listening() -> None:
    application = Slow()
    async with serving(application) as (server, task, client, readiness):
        response = asyncio.create_task(client.get("/"))
        await application.begun.wait()
        server.drain()
        await readiness.stopping.wait()
        application.release.set()
        assert (await response).status_code == 204
        await task
        with pytest.raises(httpx.ConnectError):
            await client.get("/")


async def test_a_request_that_does_not_end_is_cancelled_after_the_grace() -> None:
    application = Slow()
    async with serving(application, grace_seconds=1) as (server, task, client, _readiness):
        response = asyncio.create_task(client.get("/"))
        await application.begun.wait()
        server.drain()
        await task
        assert application.cancelled
        assert (await response).status_code == 500


@pytest.mark.parametrize("drain_seconds", [3600, 0], ids=["during the drain", "while waiting for requests"])
async def test_a_second_signal_does_not_wait_for_requests(drain_seconds: float) -> None:
    application = Slow()
    drained = serving(application, drain_seconds=drain_seconds, grace_seconds=3600)
    async with drained as (server, task, client, readiness):
        response = asyncio.create_task(client.get("/"))
        await application.begun.wait()
        server.drain()
        if drain_seconds == 0:
            await readiness.stopping.wait()
            await asyncio.sleep(0.5)  # uvicorn checks for the stop every 0.1 s
        server.drain()
        server.drain()
        await task
        application.release.set()
        assert (await response).status_code == 204
