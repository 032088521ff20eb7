"""`/healthz` and `/readyz` of every process that load balancers know; the web tier does not forward these paths."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from darkroom_process.readiness import Readiness


def health_routes(readiness: Readiness) -> list[Route]:
    """Return the routes of a process. `/readyz` is 503 once it drains.

    They report this process only. If they checked a store or another tier, a short outage there would remove all
    processes from the load balancer, and a restart would not end it.
    """

    async def is_alive(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def is_ready(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "draining"}, 503) if readiness.draining else JSONResponse({"status": "ok"})

    return [Route("/healthz", is_alive), Route("/readyz", is_ready)]
