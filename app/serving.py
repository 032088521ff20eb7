"""Run the app under uvicorn, with a graceful shutdown."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator

import structlog
import uvicorn

from app.main import create_app
from app.readiness import Readiness
from app.settings import Settings
from darkroom_process.http_protocol import StrictHttpProtocol

# A load balancer's idle timeout is 60 s. It must close connections first, or clients see random 502s.
KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 20
BACKLOG = 2048

log = structlog.get_logger()


class DrainingServer(uvicorn.Server):
    """On SIGTERM: turn readiness off, serve for `drain_seconds`, then end streams, finish requests, stop.

    A second signal stops at once.
    """

    def __init__(self, config: uvicorn.Config, readiness: Readiness, drain_seconds: float) -> None:
        super().__init__(config)
        self._readiness, self._drain_seconds = readiness, drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Freeze the objects that exist after startup, so that the garbage collector need not scan them again."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _drain(self) -> None:
        if self._readiness.draining:
            self._stop()
            self.force_exit = True
            return
        log.info("app.draining", seconds=self._drain_seconds)
        self._readiness.drain()
        asyncio.get_running_loop().call_later(self._drain_seconds, self._stop)

    def _stop(self) -> None:
        self._readiness.stop()
        self.should_exit = True


def server_config(settings: Settings, readiness: Readiness) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings, readiness),
        host=settings.listen_host,
        port=settings.listen_port,
        loop="uvloop",
        http=StrictHttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # The client address is read where it is needed, from the hop that the web tier adds.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def serve(settings: Settings) -> None:
    """Serve until a signal ends the server. Raises SystemExit if it cannot start."""
    readiness = Readiness()
    server = DrainingServer(server_config(settings, readiness), readiness, settings.drain_seconds)
    server.run()
    if not server.started:
        raise SystemExit(f"The app could not start on {settings.listen_host}:{settings.listen_port}; its log says why.")
    log.info("app.stopped")
