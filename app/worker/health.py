"""HTTP server of a worker: liveness and readiness."""

from starlette.applications import Starlette

from app.http.tier_check import with_tier_check
from app.settings import Settings
from darkroom_process.draining_server import DrainingServer
from darkroom_process.health import health_routes
from darkroom_process.readiness import Readiness
from darkroom_process.server_config import server_config

GRACE_SECONDS = 5


def health_server(settings: Settings, readiness: Readiness) -> DrainingServer:
    """Return the server of `/healthz` and `/readyz`; the latter returns 503 while the worker stops."""
    application = with_tier_check(Starlette(routes=health_routes(readiness)), settings)
    config = server_config(
        application, host=settings.listen_host, port=settings.listen_port, grace_seconds=GRACE_SECONDS
    )
    return DrainingServer(config, readiness)
