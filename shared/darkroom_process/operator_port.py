"""A process's operator port: `/metrics` for a scraper, on an address that no load balancer forwards."""

import asyncio
import socket
from types import TracebackType
from typing import Self

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.types import Receive, Scope, Send

from darkroom_process.crash_log import log_crash
from darkroom_process.draining_server import DrainingServer
from darkroom_process.hosts import AllowedHosts, OwnHostsOnly
from darkroom_process.metrics import observe_loop_lag
from darkroom_process.problem_response import refuse_host, send_problem
from darkroom_process.server_config import server_config
from darkroom_shared.problems import MethodNotAllowed, NotFound, Problem

METRICS_PATH = "/metrics"
MAX_REQUESTS = 16
GRACE_SECONDS = 1


class OperatorPort:
    """Serves the registry while the context is open; with port 0 the context does nothing."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        self._host, self._port, self._registry = host, port, registry
        self._server: DrainingServer | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Raises SystemExit with one line if the address cannot be used."""
        if self._port:
            listener = self._listen()
            self._server = self._new_server()
            self._tasks = [
                asyncio.create_task(self._server.serve([listener])),
                asyncio.create_task(observe_loop_lag(self._registry)),
            ]
            for task in self._tasks:
                task.add_done_callback(log_crash("operator_port.crashed"))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()
            serving, measuring = self._tasks
            measuring.cancel()
            await asyncio.wait((serving, measuring))

    def _listen(self) -> socket.socket:
        address = (self._host, self._port)
        try:
            return socket.create_server(address, family=socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        except OSError as error:
            raise SystemExit(
                f"DARKROOM_OPERATOR_PORT is wrong: {self._host}:{self._port} cannot be used ({error.strerror})."
            ) from error

    def _new_server(self) -> DrainingServer:
        hosts = AllowedHosts.parse("", self._host, self._port, any_address=True)
        config = server_config(
            OwnHostsOnly(OperatorPages(self._registry), hosts, refuse_host),
            grace_seconds=GRACE_SECONDS,
            max_requests=MAX_REQUESTS,
        )
        return DrainingServer(config)


class OperatorPages:
    """ASGI application of one page."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        problem = _problem(scope)
        if problem is not None:
            await send_problem(send, problem)
            return
        body = generate_latest(self._registry)
        headers = [
            (b"content-type", CONTENT_TYPE_LATEST.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})


def _problem(scope: Scope) -> Problem | None:
    if scope["path"] != METRICS_PATH:
        return NotFound()
    return None if scope["method"] in ("GET", "HEAD") else MethodNotAllowed()
