"""The operators' overview over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.admin.overview import OverviewService
from app.http.caller import Administrator
from darkroom_shared.admin import Overview

router = APIRouter(prefix="/admin", tags=["admin"])


def _overview(request: Request) -> OverviewService:
    service: OverviewService = request.state.overview
    return service


@router.get("/overview")
async def read_overview(_caller: Administrator, overview: Annotated[OverviewService, Depends(_overview)]) -> Overview:
    """Return the state of the lanes and workers, and two counts that must be 0: overdue items and events."""
    return await overview.read()
