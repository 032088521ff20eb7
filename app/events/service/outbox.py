"""The transactional outbox: a relational change writes its events as rows, which are published after the commit."""

from collections.abc import Callable, Sequence

from app.events.service.log import NewEvent
from app.events.store.outbox import add_rows
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.ids import AccountId
from darkroom_shared.times import Clock

Hint = Callable[[AccountId], None]
"""Called after the commit with an account whose outbox has a new row; must not block or raise."""


class EventOutbox:
    """Events of changes in the database: written in the change's transaction, and appended to the logs afterwards."""

    def __init__(self, clock: Clock, hint: Hint | None = None) -> None:
        self._clock, self._hint = clock, hint

    async def publish(self, unit: UnitOfWork, accounts: Sequence[AccountId], event: NewEvent, dedupe: str) -> None:
        """Append the event to each account's log after the unit's commit, once per `dedupe` key.

        `dedupe` names the change, not the attempt: a repeated key is ignored for 30 days.
        """
        recipients = list(dict.fromkeys(accounts))
        row = {"dedupe_key": dedupe, "type": event.type.value, "subject": event.subject, "data": event.data}
        await add_rows(unit.connection, recipients, row | {"written_at": self._clock()})
        unit.after_commit(lambda: self._announce(recipients))

    def _announce(self, accounts: Sequence[AccountId]) -> None:
        if self._hint is not None:
            for account in accounts:
                self._hint(account)
