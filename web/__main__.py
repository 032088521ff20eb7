"""Serve the web tier until a signal ends it: `python -m web`."""

import asyncio
import signal
import socket
import sys
from types import FrameType

import uvicorn

from darkroom_process.http_protocol import StrictHttpProtocol
from darkroom_process.settings import settings_or_exit
from web.logs import configure_logs
from web.main import create_application
from web.settings import Settings

KEEP_ALIVE_SECONDS = 75
"""Longer than the load balancer's idle timeout (60 s); otherwise its clients get random 502 responses."""
GRACE_SECONDS = 20


class Server(uvicorn.Server):
    """A server that drains: the first signal turns readiness off, listening ends `drain_seconds` later, a second
    signal ends it at once.
    """

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, drain_seconds: float) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is None or self._stopping.is_set():
            super().handle_exit(sig, frame)
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_seconds, super().handle_exit, sig, frame)


def server_config(settings: Settings, stopping: asyncio.Event) -> uvicorn.Config:
    return uvicorn.Config(
        create_application(settings, stopping),
        host=settings.listen_host,
        port=settings.listen_port,
        loop="uvloop",
        http=StrictHttpProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


def serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    Server(server_config(settings, stopping), stopping, settings.drain_seconds).run()


def main() -> None:
    # uvicorn raises the signal again after it has stopped; a clean stop must exit with 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    settings = settings_or_exit(Settings)
    configure_logs()
    serve(settings)


if __name__ == "__main__":
    main()
