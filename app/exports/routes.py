"""Exports over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.caller import Caller
from app.exports.service import ExportService
from shared.exports import Export, ExportPage
from shared.ids import ExportIdField

router = APIRouter(prefix="/account/exports", tags=["account"])

POLL_SECONDS = "5"
"""What Retry-After says of an export under way; whoever can should rather listen to the events."""


def _exports(request: Request) -> ExportService:
    service: ExportService = request.state.exports
    return service


Exports = Annotated[ExportService, Depends(_exports)]


@router.post("", status_code=202)
async def start_export(caller: Caller, exports: Exports, response: Response) -> Export:
    """Has a ZIP made of everything; repeated while one is under way, it answers that one. `export.ready` tells."""
    row = await exports.start(caller.account_id)
    response.headers["Location"] = f"/v1/account/exports/{row.export_id}"
    response.headers["Retry-After"] = POLL_SECONDS
    return exports.to_wire(row)


@router.get("")
async def list_exports(caller: Caller, exports: Exports) -> ExportPage:
    """Those that are under way or kept, the newest first."""
    return ExportPage(exports=tuple(exports.to_wire(row) for row in await exports.all_of(caller.account_id)))


@router.get("/{export}")
async def get_export(export: ExportIdField, caller: Caller, exports: Exports) -> Export:
    """How far it is; once it is ready, with a signed URL for ten minutes."""
    return exports.to_wire(await exports.require(caller.account_id, export))
