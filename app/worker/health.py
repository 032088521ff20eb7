"""HTTP server of a worker: liveness and readiness."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.http.tier_check import with_tier_check
from app.settings import Settings
from darkroom_process.draining_server import DrainingServer
from darkroom_process.readiness import Readiness
from darkroom_process.server_config import server_config

GRACE_SECONDS = 5


def health_server(settings: Settings, readiness: Readiness) -> DrainingServer:
    """Return the server of `/healthz` and `/readyz`; the latter returns 503 while the worker stops."""

    async def healthz(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("stopping\n", 503) if readiness.draining else PlainTextResponse("ready\n")

    routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
    application = with_tier_check(Starlette(routes=routes), settings)
    config = server_config(
        application, host=settings.listen_host, port=settings.listen_port, grace_seconds=GRACE_SECONDS
    )
    return DrainingServer(config, readiness)
