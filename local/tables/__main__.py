"""`python -m local.tables`: serves until it is told to stop."""

import asyncio
import sqlite3
import sys
from contextlib import AsyncExitStack
from typing import Final

import structlog
import uvicorn
import uvloop

from local.asgi import Application
from local.faults import with_faults
from local.refusal import ExitCode, Refusal
from local.serving import Server, listen
from local.tables.database import FileInUse, NewerFormat
from local.tables.server import open_application
from local.tables.settings import Settings, read_settings

SWITCH_SECONDS: Final = 0.0005  # between threads; with Python's 5 ms one long page would hold up every small request
KEEP_ALIVE_SECONDS: Final = 75
GRACE_SECONDS: Final = 10


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises Refusal when it cannot begin."""
    file = settings.tables_file
    with listen(settings.listen_host, settings.listen_port, "The tables server") as listener:
        async with AsyncExitStack() as stack:
            try:
                application = await stack.enter_async_context(open_application(file))
            except FileInUse as error:
                raise Refusal(f"Another server uses the file {file}.") from error
            except NewerFormat as error:
                raise Refusal(f"The file {file} was written by a newer release of Darkroom.") from error
            except (OSError, sqlite3.Error) as error:
                raise Refusal(f"The file {file} cannot be used: {error}.") from error
            await Server(_configuration(application)).serve([listener])


def _configuration(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        with_faults(application),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def main() -> int:
    """The exit code is one of `ExitCode`."""
    sys.setswitchinterval(SWITCH_SECONDS)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
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
