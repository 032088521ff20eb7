"""The uvicorn server of app, web, the local stand-ins of S3, DynamoDB and CloudFront, health checks and metrics."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn

from darkroom_process.readiness import Readiness

SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


class DrainingServer(uvicorn.Server):
    """Serves until `stop`, or, inside `drain_on_signals`, until the drain that the first signal starts is over.

    A drain turns readiness off and serves for `drain_seconds`. Then event streams end, no connection is accepted, and
    requests have `timeout_graceful_shutdown` of the configuration to finish.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        readiness: Readiness | None = None,
        *,
        drain_seconds: float = 0.0,
        on_startup: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_startup` is called when the server listens."""
        super().__init__(config)
        self._readiness, self._drain_seconds = readiness or Readiness(), drain_seconds
        self._on_startup = on_startup
        self._shutdown_limit: asyncio.Timeout | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_startup()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down as uvicorn does, but end the wait when the exit is forced: since Python 3.12 uvicorn would
        continue to wait until all connections are closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if self.force_exit else None) as self._shutdown_limit:
                await super().shutdown(sockets)
        self._shutdown_limit = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: uvicorn's own handlers raise the signal again after the stop, so files would not be closed."""
        yield

    def drain(self) -> None:
        """Start the drain. A second call stops at once, without waiting for requests."""
        if self._readiness.draining:
            self.stop()
            self.force_exit = True
            if self._shutdown_limit is not None:
                self._shutdown_limit.reschedule(asyncio.get_running_loop().time())
                self._shutdown_limit = None
            return
        log.info("server.draining", seconds=self._drain_seconds)
        self._readiness.drain()
        asyncio.get_running_loop().call_later(self._drain_seconds, self.stop)

    def stop(self) -> None:
        """End streams now, and the server when its requests are complete."""
        self._readiness.stop()
        self.should_exit = True


@contextlib.contextmanager
def drain_on_signals(server: DrainingServer) -> Iterator[None]:
    """Drain the server on SIGTERM and SIGINT while the context is open. For a process that is nothing but a server."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, server.drain)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
