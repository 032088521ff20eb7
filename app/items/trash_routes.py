"""Deleting and restoring items over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.caller import Caller
from app.items.access import OwnItem, Trash
from app.items.routes import ExpectedVersion, Items
from shared.items import DeletedItems, DeleteItems, Item, ItemState
from shared.problems import NotFound

router = APIRouter(prefix="/items", tags=["items"])

Permanently = Annotated[bool, Query(description="Nothing brings it back; also for what is deleted already.")]


@router.delete("/{item}", status_code=204)
async def delete_item(row: OwnItem, trash: Trash, expected: ExpectedVersion, permanently: Permanently = False) -> None:
    """Hides the item at once; for 30 days it can be restored."""
    if row.state is ItemState.DELETED and not permanently:
        raise NotFound
    await trash.delete(row, expected, permanently=permanently)


@router.post("/delete")
async def delete_items(body: DeleteItems, caller: Caller, trash: Trash) -> DeletedItems:
    """Deletes many at once; repeatable."""
    return await trash.delete_many(caller.account_id, body.ids, permanently=body.permanently)


@router.post("/{item}/restore")
async def restore_item(row: OwnItem, trash: Trash, items: Items) -> Item:
    """As it was before it was deleted; what was in work then comes back as cancelled, and `retry` tries it again."""
    return items.to_wire(await trash.restore(row))
