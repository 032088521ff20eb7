"""Serve the web tier until a signal ends it: `python -m web`."""

import asyncio

import uvicorn
import uvloop
from prometheus_client import CollectorRegistry

from darkroom_process.draining_server import DrainingServer, drain_on_signals
from darkroom_process.http_protocol import StrictHttpProtocol
from darkroom_process.logs import configure_logs
from darkroom_process.metrics import new_registry
from darkroom_process.operator_port import OperatorPort
from darkroom_process.readiness import Readiness
from darkroom_process.settings import settings_or_exit
from web.main import create_application
from web.settings import Settings

KEEP_ALIVE_SECONDS = 75
"""Longer than the load balancer's idle timeout (60 s); otherwise its clients get random 502 responses."""
GRACE_SECONDS = 20


def server_config(settings: Settings, readiness: Readiness, registry: CollectorRegistry) -> uvicorn.Config:
    return uvicorn.Config(
        create_application(settings, readiness, registry),
        host=settings.listen_host,
        port=settings.listen_port,
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
    """Serve until a signal ends the server."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    readiness, registry = Readiness(), new_registry()
    config = server_config(settings, readiness, registry)
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
