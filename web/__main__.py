"""Serve the web tier until a signal ends it: `python -m web`."""

import asyncio

import uvicorn
from prometheus_client import CollectorRegistry

from darkroom_process.draining_server import DrainingServer, drain_on_signals
from darkroom_process.event_loop import new_event_loop
from darkroom_process.local_users import parsed_users
from darkroom_process.logs import configure_logs
from darkroom_process.metrics import new_registry
from darkroom_process.operator_port import OperatorPort
from darkroom_process.readiness import Readiness
from darkroom_process.server_config import server_config
from darkroom_process.settings import settings_or_exit
from web.main import create_application
from web.settings import Settings

GRACE_SECONDS = 20


def web_server_config(settings: Settings, readiness: Readiness, registry: CollectorRegistry) -> uvicorn.Config:
    return server_config(
        create_application(settings, readiness, registry),
        host=settings.listen_host,
        port=settings.listen_port,
        lifespan=True,
        grace_seconds=GRACE_SECONDS,
        trusted_proxies=settings.trusted_proxies,
        local_users=parsed_users(settings.local_users),
        tls_certificate=settings.tls_certificate,
        tls_key=settings.tls_key,
    )


def serve(settings: Settings) -> None:
    """Serve until a signal ends the server."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    readiness, registry = Readiness(), new_registry()
    config = web_server_config(settings, readiness, registry)
    server = DrainingServer(config, readiness, drain_seconds=settings.drain_seconds)
    async with OperatorPort(settings.operator_host, settings.operator_port, registry):
        with drain_on_signals(server):
            await server.serve()


def main() -> None:
    settings = settings_or_exit(Settings)
    configure_logs()
    serve(settings)


if __name__ == "__main__":
    main()
