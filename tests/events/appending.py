"""Appends of many completion events to one account's log."""

from app.events.service.log import EventLog, NewEvent
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId

BATCH = 40
LARGE_BYTES = 7_000
"""Of 200 such events DynamoDB returns about 145 in one page, which ends at 1 MB."""


async def append_completions(log: EventLog, account: AccountId, count: int, size_bytes: int = 0) -> None:
    """Append `count` events `item.ready`, each with `size_bytes` of data."""
    event = NewEvent(EventType.ITEM_READY, "itm", {"kind": "image", "caption": "x" * size_bytes})
    for start in range(0, count, BATCH):
        await log.append(account, [event] * min(BATCH, count - start))
