"""Serve a stand-in on an open socket until SIGTERM or SIGINT, then exit cleanly."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from darkroom_process.asgi_types import Application
from darkroom_process.draining_server import DrainingServer, drain_on_signals
from darkroom_process.event_loop import new_event_loop
from darkroom_process.logs import configure_logs
from darkroom_process.server_config import BACKLOG, server_config
from local.startup_error import ExitCode, StartupError

GRACE_SECONDS = 10


def listen(host: str, port: int, name: str) -> socket.socket:
    """Open the listening socket. Raises StartupError, whose message names the server by `name`."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise StartupError(f"{name} cannot listen on {host}:{port}: {error.strerror}.") from error


async def serve_on(
    listener: socket.socket, application: Application, *, certificate: Path | None = None, key: Path | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; https with a certificate and its key."""
    configuration = server_config(application, grace_seconds=GRACE_SECONDS, tls_certificate=certificate, tls_key=key)
    server = DrainingServer(configuration)
    with drain_on_signals(server):
        await server.serve([listener])


def run_to_the_end(serve: Callable[[], Awaitable[None]]) -> int:
    """Run a stand-in's process and return an `ExitCode`; a StartupError is one line on stderr."""
    configure_logs()

    async def run() -> None:
        await serve()

    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(run())
    except StartupError as error:
        sys.stderr.write(f"{error.line}\n")
        return error.exit_code
    return ExitCode.STOPPED
