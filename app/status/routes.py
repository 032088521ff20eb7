"""The public status over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Response, status

from app.http.dependencies import from_state
from app.status.service import StatusService
from darkroom_shared.status import Status

router = APIRouter(prefix="/status", tags=["status"])


@router.get("", responses={status.HTTP_503_SERVICE_UNAVAILABLE: {"model": Status}})
async def get_status(
    service: Annotated[StatusService, from_state("status", StatusService)], response: Response
) -> Status:
    """Return whether the installation can serve its users, as of at most 5 s ago: 200 if it can, else 503. Without a
    session; for health checks of its DNS name."""
    is_ok = await service.is_ok()
    response.status_code = status.HTTP_200_OK if is_ok else status.HTTP_503_SERVICE_UNAVAILABLE
    response.headers["Cache-Control"] = "no-store"
    return Status(ok=is_ok)
