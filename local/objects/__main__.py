"""`python -m local.objects`: serves until it is told to stop."""

import asyncio
import contextlib
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator

import structlog
import uvicorn
import uvloop

from local.faults import with_faults
from local.objects.application import open_application
from local.objects.catalogue import NewerVersion
from local.objects.settings import Settings, read_settings
from local.objects.storage import FolderInUse
from local.refusal import ExitCode, Refusal

KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 10
BACKLOG = 2048

log = structlog.get_logger()


class Server(uvicorn.Server):
    """Stops at SIGTERM and SIGINT, but does not raise the signal again as its parent does: a folder is to be closed."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        log.info("server.ready", port=[listener.getsockname()[1] for listener in sockets or []])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises Refusal when it cannot begin."""
    folder = settings.objects_folder
    with _listening(settings) as listener:
        async with contextlib.AsyncExitStack() as stack:
            try:
                application = await stack.enter_async_context(open_application(settings))
            except FolderInUse as error:
                raise Refusal(f"Another server uses the folder {folder}.") from error
            except NewerVersion as error:
                raise Refusal(f"The folder {folder} was written by a newer release of Darkroom.") from error
            except (OSError, sqlite3.Error) as error:
                raise Refusal(f"The folder {folder} cannot be used: {error}.") from error
            await Server(_configuration(settings, with_faults(application))).serve([listener])


def _listening(settings: Settings) -> socket.socket:
    host, port = settings.listen_host, settings.listen_port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Refusal(f"The object store cannot listen on {host}:{port}: {error.strerror}.") from error


def _configuration(settings: Settings, application: object) -> uvicorn.Config:
    return uvicorn.Config(
        application,  # type: ignore[arg-type]  # uvicorn spells ASGI's types out, our mappings are the plain ones
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


def main() -> int:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(read_settings()))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.line}\n")
        return refusal.exit_code
    return ExitCode.STOPPED


if __name__ == "__main__":
    sys.exit(main())
