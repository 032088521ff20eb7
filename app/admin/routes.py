"""What operators ask over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.admin.overview import OverviewService
from app.caller import Administrator
from shared.admin import Overview

router = APIRouter(prefix="/admin", tags=["admin"])


def _overview(request: Request) -> OverviewService:
    service: OverviewService = request.state.overview
    return service


@router.get("/overview")
async def read_overview(_caller: Administrator, overview: Annotated[OverviewService, Depends(_overview)]) -> Overview:
    """Lanes, the oldest wait, and the two numbers that must read 0."""
    return await overview.read()
