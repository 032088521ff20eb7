"""HTTP routes of exports."""

from typing import Annotated

from fastapi import APIRouter, Response

from app.exports.service.exports import ExportService
from app.http.caller import Caller
from app.http.dependencies import from_state
from darkroom_shared.exports import Export, ExportPage
from darkroom_shared.ids import ExportIdField

router = APIRouter(prefix="/account/exports", tags=["account"])

POLL_SECONDS = "5"
"""Retry-After for an unfinished export. Clients that can should subscribe to the events instead."""


Exports = Annotated[ExportService, from_state("exports", ExportService)]


@router.post("", status_code=202)
async def start_export(caller: Caller, exports: Exports, response: Response) -> Export:
    """Start a ZIP of all data, or return the unfinished one. The event `export.ready` reports its end."""
    row = await exports.start(caller.account_id)
    response.headers["Location"] = f"/v1/account/exports/{row.export_id}"
    response.headers["Retry-After"] = POLL_SECONDS
    return exports.to_wire(row)


@router.get("")
async def list_exports(caller: Caller, exports: Exports) -> ExportPage:
    """List the unfinished and the kept exports, newest first."""
    return ExportPage(exports=tuple(exports.to_wire(row) for row in await exports.all_of(caller.account_id)))


@router.get("/{export}")
async def get_export(export: ExportIdField, caller: Caller, exports: Exports) -> Export:
    """Return the progress, and a signed URL for ten minutes once the file is ready."""
    return exports.to_wire(await exports.require(caller.account_id, export))
