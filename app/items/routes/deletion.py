"""HTTP routes to delete and restore items."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.http.caller import Caller
from app.http.conditional import ExpectedVersion
from app.items.routes.access import OwnItem
from app.items.routes.dependencies import Representation, Trash
from darkroom_shared.items import DeletedItems, DeleteItems, Item, ItemState
from darkroom_shared.problems import NotFound

router = APIRouter(prefix="/items", tags=["items"])

Permanently = Annotated[bool, Query(description="Nothing brings it back; also for what is deleted already.")]


@router.delete("/{item}", status_code=204)
async def delete_item(row: OwnItem, trash: Trash, expected: ExpectedVersion, permanently: Permanently = False) -> None:
    """Hide the item at once. It can be restored for 30 days."""
    if row.state is ItemState.DELETED and not permanently:
        raise NotFound
    await trash.delete(row, expected, permanently=permanently)


@router.post("/delete")
async def delete_items(body: DeleteItems, caller: Caller, trash: Trash) -> DeletedItems:
    """Delete many items at once. Idempotent."""
    return await trash.delete_many(caller.account_id, body.ids, permanently=body.permanently)


@router.post("/{item}/restore")
async def restore_item(row: OwnItem, trash: Trash, representation: Representation) -> Item:
    """Restore a deleted item. One that was in processing comes back as cancelled; `retry` queues it again."""
    return representation.to_wire(await trash.restore(row))
