"""`python -m local.edge`: serves until it is told to stop."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Final

import structlog
import uvicorn
import uvloop

from local.asgi import Application
from local.edge.application import open_application
from local.edge.settings import Settings, read_settings
from local.refusal import ExitCode, Refusal
from local.serving import Server, listen

KEEP_ALIVE_SECONDS: Final = 75
GRACE_SECONDS: Final = 10


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises Refusal when it cannot begin."""
    with listen(settings.listen_host, settings.listen_port, "The edge") as listener:
        async with AsyncExitStack() as stack:
            try:
                application = await stack.enter_async_context(open_application(settings))
            except (ValueError, OSError) as error:
                raise Refusal(f"The keys cannot be used: {error}.") from error
            await Server(_configuration(settings, application)).serve([listener])


def _configuration(settings: Settings, application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
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
    """The exit code is one of `ExitCode`."""
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
