"""Run the app under uvicorn, with a graceful shutdown."""

import asyncio

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from app.main import create_app
from app.settings import Settings
from app.stores.cluster_mode import ClusterMode, refuse_cluster_mode
from darkroom_process.draining_server import DrainingServer, drain_on_signals
from darkroom_process.event_loop import new_event_loop
from darkroom_process.metrics import new_registry
from darkroom_process.operator_port import OperatorPort
from darkroom_process.readiness import Readiness
from darkroom_process.server_config import server_config
from darkroom_process.startup import freeze_startup

GRACE_SECONDS = 20

log = structlog.get_logger()


def app_server_config(settings: Settings, readiness: Readiness, registry: CollectorRegistry) -> uvicorn.Config:
    """Return the options; the client's address is read where it is needed, from the hop that the web tier adds."""
    return server_config(
        create_app(settings, readiness, registry),
        host=settings.listen_host,
        port=settings.listen_port,
        lifespan=True,
        grace_seconds=GRACE_SECONDS,
    )


def serve(settings: Settings) -> None:
    """Serve until a signal ends the server. Raises SystemExit if it cannot start."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings))
    log.info("app.stopped")


async def _serve(settings: Settings) -> None:
    try:
        await refuse_cluster_mode(settings.redis_url.get_secret_value(), settings.redis_password_file)
    except ClusterMode as reason:
        raise SystemExit(str(reason)) from None
    readiness, registry = Readiness(), new_registry()
    config = app_server_config(settings, readiness, registry)
    server = DrainingServer(config, readiness, drain_seconds=settings.drain_seconds, on_startup=freeze_startup)
    async with OperatorPort(settings.operator_host, settings.operator_port, registry):
        with drain_on_signals(server):
            await server.serve()
    if not server.started:
        raise SystemExit(f"The app could not start on {settings.listen_host}:{settings.listen_port}; see its log.")
