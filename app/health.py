"""Health and readiness for load balancers; the web tier does not forward these paths."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from darkroom_process.readiness import Readiness

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def is_alive() -> dict[str, str]:
    """Return a response while the process runs; it checks no store, whose outage a restart would not end."""
    return {"status": "ok"}


@router.get("/readyz")
async def is_ready(request: Request) -> Response:
    """Report this process only: a short database outage must not take all processes out of the load balancer."""
    readiness: Readiness = request.state.readiness
    if readiness.draining:
        return JSONResponse({"status": "draining"}, status_code=503)
    return JSONResponse({"status": "ok"})
