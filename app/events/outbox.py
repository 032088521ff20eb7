"""What a relational change must tell is a row of the same transaction; the outbox's relay carries it into the logs."""

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.log import NewEvent
from app.events.schema import event_outbox
from app.stores.aurora_inserts import insert_absent
from shared.ids import AccountId
from shared.times import Clock

Hint = Callable[[AccountId], None]
"""Called with an account that will soon have something to be told; it must neither wait nor raise."""


class EventOutbox:
    def __init__(self, clock: Clock, hint: Hint | None = None) -> None:
        self._clock, self._hint = clock, hint

    async def publish(
        self, connection: AsyncConnection, accounts: Sequence[AccountId], event: NewEvent, dedupe: str
    ) -> None:
        """When this transaction commits, each of the accounts gets the event in its log, once for this `dedupe` key.

        `dedupe` names the change, not the try: the same key again within 30 days tells nobody anything.
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
