"""Serve the object store until a signal ends it: `python -m local.objects`."""

import sqlite3
import sys
from contextlib import AsyncExitStack
from functools import partial

import structlog

from darkroom_process.asgi_types import Application
from darkroom_process.hosts import AllowedHosts, OwnHostsOnly
from darkroom_process.settings import settings_or_exit
from local.faults import with_faults
from local.objects.application import open_application
from local.objects.catalogue import NewerVersion
from local.objects.settings import Settings
from local.objects.storage import FolderInUse
from local.serving import listen, run_to_the_end, serve_on
from local.signatures import Verifier
from local.signed_requests import refuse_host
from local.startup_error import StartupError

log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises StartupError if the server cannot start."""
    folder = settings.objects_folder
    with listen(settings.listen_host, settings.listen_port, "The object store") as listener:
        async with AsyncExitStack() as stack:
            try:
                application = await stack.enter_async_context(open_application(settings))
            except FolderInUse as error:
                raise StartupError(f"Another server uses the folder {folder}.") from error
            except NewerVersion as error:
                raise StartupError(f"The folder {folder} was written by a newer release of Darkroom.") from error
            except (OSError, sqlite3.Error) as error:
                raise StartupError(f"The folder {folder} cannot be used: {error}.") from error
            log.info("server.ready", port=listener.getsockname()[1])
            guarded = _guarded(application, settings)
            await serve_on(listener, guarded, certificate=settings.tls_certificate, key=settings.tls_key)


def _guarded(application: Application, settings: Settings) -> Application:
    """Wrap the application, which checks signatures itself, including presigned URLs."""
    verifier = Verifier(
        settings.aws_access_key_id, settings.aws_secret_access_key.get_secret_value(), frozenset({"s3"})
    )
    hosts = AllowedHosts.parse(settings.allowed_hosts, settings.listen_host, settings.listen_port)
    return OwnHostsOnly(with_faults(application, verifier), hosts, refuse_host)


def main() -> int:
    return run_to_the_end(partial(serve, settings_or_exit(Settings)))


if __name__ == "__main__":
    sys.exit(main())
