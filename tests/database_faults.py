"""Faults of the relational database at a chosen moment, injected at SQLAlchemy's engine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError


@contextmanager
def unreachable_after_commit() -> Iterator[None]:
    """From the first commit of the current task on, refuse every statement of this process."""
    task, committed = asyncio.current_task(), False

    def note(_connection: Any) -> None:
        nonlocal committed
        committed = committed or asyncio.current_task() is task

    def refuse(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if committed:
            raise OperationalError(statement, {}, ConnectionError("lost"))

    event.listen(Engine, "commit", note)
    event.listen(Engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "commit", note)
        event.remove(Engine, "before_cursor_execute", refuse)
    assert committed, "nothing was committed"
