"""Serve the edge until a signal ends it: `python -m local.edge`."""

import sys
from contextlib import AsyncExitStack
from functools import partial

from darkroom_process.hosts import AllowedHosts, OwnHostsOnly
from darkroom_process.settings import settings_or_exit
from local.edge.application import open_application
from local.edge.settings import Settings
from local.serving import listen, run_to_the_end, serve_on
from local.signed_requests import refuse_host
from local.startup_error import StartupError


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises StartupError if the edge cannot start."""
    with listen(settings.listen_host, settings.listen_port, "The edge") as listener:
        async with AsyncExitStack() as stack:
            try:
                application = await stack.enter_async_context(open_application(settings))
            except (ValueError, OSError) as error:
                raise StartupError(f"The keys cannot be used: {error}.") from error
            hosts = AllowedHosts.parse(settings.allowed_hosts, settings.listen_host, settings.listen_port)
            guarded = OwnHostsOnly(application, hosts, refuse_host)
            await serve_on(listener, guarded, certificate=settings.tls_certificate, key=settings.tls_key)


def main() -> int:
    return run_to_the_end(partial(serve, settings_or_exit(Settings)))


if __name__ == "__main__":
    sys.exit(main())
