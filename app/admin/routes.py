"""The operators' overview over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from app.admin.service.overview import OverviewService
from app.http.caller import Administrator
from app.http.dependencies import from_state
from darkroom_shared.admin import Overview

router = APIRouter(prefix="/admin", tags=["admin"])


@router.get("/overview")
async def read_overview(
    _caller: Administrator, overview: Annotated[OverviewService, from_state("overview", OverviewService)]
) -> Overview:
    """Return the state of the lanes and workers, and two counts that must be 0: overdue items and events."""
    return await overview.read()
