"""Serve the tables until a signal ends it: `python -m local.tables`."""

import sqlite3
import sys
from contextlib import AsyncExitStack
from functools import partial

from darkroom_process.asgi_types import Application
from darkroom_process.hosts import AllowedHosts, OwnHostsOnly
from darkroom_process.settings import settings_or_exit
from local.faults import with_faults
from local.serving import listen, run_to_the_end, serve_on
from local.signatures import Verifier
from local.signed_requests import SignedRequestsOnly, refuse_host
from local.startup_error import StartupError
from local.tables.database import FileInUse, NewerFormat
from local.tables.server import open_application
from local.tables.settings import Settings

SWITCH_SECONDS = 0.0005
"""Thread switch interval; with Python's 5 ms one long page would delay every small request."""


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises StartupError if the server cannot start."""
    file = settings.tables_file
    with listen(settings.listen_host, settings.listen_port, "The tables server") as listener:
        async with AsyncExitStack() as stack:
            try:
                application = await stack.enter_async_context(open_application(file))
            except FileInUse as error:
                raise StartupError(f"Another server uses the file {file}.") from error
            except NewerFormat as error:
                raise StartupError(f"The file {file} was written by a newer release of Darkroom.") from error
            except (OSError, sqlite3.Error) as error:
                raise StartupError(f"The file {file} cannot be used: {error}.") from error
            await serve_on(listener, _guarded(application, settings))


def _guarded(application: Application, settings: Settings) -> Application:
    verifier = Verifier(
        settings.aws_access_key_id, settings.aws_secret_access_key.get_secret_value(), frozenset({"dynamodb"})
    )
    hosts = AllowedHosts.parse(settings.allowed_hosts, settings.listen_host, settings.listen_port)
    return OwnHostsOnly(SignedRequestsOnly(with_faults(application, verifier), verifier), hosts, refuse_host)


def main() -> int:
    sys.setswitchinterval(SWITCH_SECONDS)
    return run_to_the_end(partial(serve, settings_or_exit(Settings)))


if __name__ == "__main__":
    sys.exit(main())
