"""Publishing comment events to all accounts that can see the item, in the transaction that makes the change."""

from app.comments.store import CommentRow, CommentStore
from app.events.service.log import NewEvent
from app.events.service.outbox import EventOutbox
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.comments import Author, Comment
from darkroom_shared.events import EventType


class CommentEvents:
    """Publishes comments to the logs of the accounts that see the item, after the commit of the unit of work."""

    def __init__(self, outbox: EventOutbox, store: CommentStore) -> None:
        self._outbox, self._store = outbox, store

    async def publish(self, unit: UnitOfWork, type_: EventType, row: CommentRow, name: str) -> None:
        """Publish once per version, also to the author's other devices. `name` is the author's name."""
        recipients = await self._store.recipients(unit.connection, row.owner_id, row.item_id)
        data = to_wire(row, name).model_dump(mode="json")
        if type_ is EventType.COMMENT_DELETED:
            data["text"] = ""  # no event log keeps a deleted text
        dedupe = f"{type_.value}:{row.id}:{row.version}"
        await self._outbox.publish(unit, [*recipients, row.author_id], NewEvent(type_, row.id, data), dedupe)


def to_wire(row: CommentRow, name: str) -> Comment:
    return Comment(
        id=row.id,
        item_id=row.item_id,
        author=Author(account_id=row.author_id, name=name),
        text=row.text,
        created_at=row.created_at,
        edited_at=row.edited_at,
        version=row.version,
    )
