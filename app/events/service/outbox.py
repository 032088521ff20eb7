"""The transactional outbox: a relational change writes its events as rows, which the relay moves into the logs."""

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.schema import event_outbox
from app.events.service.log import NewEvent
from app.stores.aurora_inserts import insert_absent
from darkroom_shared.ids import AccountId
from darkroom_shared.times import Clock

Hint = Callable[[AccountId], None]
"""Called with an account that gets an event once the transaction commits; must not block or raise."""


class EventOutbox:
    def __init__(self, clock: Clock, hint: Hint | None = None) -> None:
        self._clock, self._hint = clock, hint

    async def publish(
        self, connection: AsyncConnection, accounts: Sequence[AccountId], event: NewEvent, dedupe: str
    ) -> None:
        """Append the event to each account's log after this transaction commits, once per `dedupe` key.

        `dedupe` names the change, not the attempt: a repeated key is ignored for 30 days.
        """
        rows = [
            {
                "account_id": account,
                "dedupe_key": dedupe,
                "type": event.type.value,
                "subject": event.subject,
                "data": event.data,
                "written_at": self._clock(),
            }
            for account in dict.fromkeys(accounts)
        ]
        await insert_absent(connection, event_outbox, rows)
        if self._hint is not None:
            for row in rows:
                self._hint(AccountId(str(row["account_id"])))
