"""Errors of the relational database at a chosen statement of one process's services."""

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.stores.aurora import Database

COMMIT = "COMMIT"


class DatabaseFault(StrEnum):
    REFUSED = "refused"
    """The server refuses a statement, for example because it is full or has become a reader."""
    DISCONNECTED = "disconnected"
    """The connection is lost with the first statement; a repetition may succeed."""
    AWAY = "away"
    """Every statement loses its connection, until several transactions have failed."""
    CONFLICT = "conflict"
    """Another transaction committed first."""


_TIMES = {DatabaseFault.AWAY: 6}


def _error(fault: DatabaseFault, statement: str) -> DBAPIError:
    match fault:
        case DatabaseFault.CONFLICT:
            return IntegrityError(statement, {}, ValueError("duplicate"))
        case DatabaseFault.REFUSED:
            return OperationalError(statement, {}, ConnectionError("refused"))
        case _:
            return OperationalError(statement, {}, ConnectionError("lost"), connection_invalidated=True)


class DatabaseFaults:
    """Raises the injected fault at the chosen statement. `AWAY` begins there and also fails the statements after it."""

    def __init__(self) -> None:
        self.statements: set[str] = set()
        self._chosen, self._errors = "", deque[DatabaseFault]()

    def inject(self, statement: str, fault: DatabaseFault) -> None:
        self._chosen, self._errors = statement, deque([fault] * _TIMES.get(fault, 1))

    @property
    def are_left(self) -> bool:
        return bool(self._errors)

    def clear(self) -> None:
        self._errors.clear()

    @contextmanager
    def of(self, database: Database) -> Iterator[None]:
        """Watch the statements of these services' database for the block."""
        with ExitStack() as stack:
            for pool in database.pools.values():
                for name, watch in (("before_cursor_execute", self._executed), ("commit", self._committed)):
                    event.listen(pool.engine.sync_engine, name, watch)
                    stack.callback(event.remove, pool.engine.sync_engine, name, watch)
            yield

    def _executed(self, _connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        self._called(statement)

    def _committed(self, _connection: Any) -> None:
        self._called(COMMIT)

    def _called(self, statement: str) -> None:
        self.statements.add(statement)
        if self._errors and (statement == self._chosen or len(self._errors) in range(1, _TIMES[DatabaseFault.AWAY])):
            raise _error(self._errors.popleft(), statement)
