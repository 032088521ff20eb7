"""Every route that changes something, ready to succeed, and stores that are lost once its change is committed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from app.main import State
from app.stores.aws_errors import ErrorClass
from darkroom_shared.albums import Role
from darkroom_shared.ids import new_ulid
from tests.jobs.aws_faults import aws_error
from tests.share_links.sharing_services import Json, Link, Person, SharingServices

WRITES = frozenset({"put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items"})
"""DynamoDB's operations that commit a change."""
LIMIT_SECONDS = 60.0
_in_request: ContextVar[bool] = ContextVar("in_request", default=False)
"""Whether the current task serves the request; loops of the process do not."""


class Outage:
    """Refuses a request's calls of AWS and statements of the database once its change is committed.

    `refused` names what the request called in vain.
    """

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.committed = False
        self._error_class: ErrorClass | None = None

    @contextmanager
    def after_commit(self, error_class: ErrorClass | None) -> Iterator[None]:
        """None: AWS never responds."""
        self.refused, self.committed = [], False
        self._error_class = error_class
        token = _in_request.set(True)
        event.listen(Engine, "commit", self._database_committed)
        event.listen(Engine, "before_cursor_execute", self._refuse_statement)
        try:
            yield
        finally:
            event.remove(Engine, "commit", self._database_committed)
            event.remove(Engine, "before_cursor_execute", self._refuse_statement)
            _in_request.reset(token)

    async def refuse(self, service: str, operation: str) -> None:
        """If the change is committed, raise AWS's error, or never return."""
        if not self.committed or not _in_request.get():
            return
        self.refused.append(operation)
        if self._error_class is None:
            await asyncio.Event().wait()
        else:
            raise aws_error(service, operation, self._error_class)

    def note(self, operation: str) -> None:
        """Record that the operation succeeded."""
        self.committed = self.committed or (operation in WRITES and _in_request.get())

    def _database_committed(self, _connection: Any) -> None:
        self.committed = self.committed or _in_request.get()

    def _refuse_statement(self, _connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if self.committed and _in_request.get():
            self.refused.append("statement")
            raise OperationalError(statement, {}, ConnectionError("lost"))


class _Client:
    """A client of botocore that is subject to the outage, signing included: without credentials nothing is signed."""

    def __init__(self, client: Any, outage: Outage) -> None:
        self._client, self._outage = client, outage

    def __getattr__(self, name: str) -> Any:
        attribute_value = getattr(self._client, name)
        if name not in self._client.meta.method_to_api_mapping and name != "generate_presigned_url":
            return attribute_value

        async def call(*words: Any, **named: Any) -> Any:
            await self._outage.refuse(self._client.meta.service_model.service_name, name)
            result = await attribute_value(*words, **named)
            self._outage.note(name)
            return result

        return call


async def batches_written(state: State) -> None:
    """Return when no earlier request's task appends to a log: it would write the next request's change, too, outside of
    that request's context."""
    uploads: Any = state["uploads"]
    async with asyncio.timeout(LIMIT_SECONDS):
        while uploads._changes._log._waiting:  # noqa: ASYNC110  no event
            await asyncio.sleep(0.001)


def subject_to(outage: Outage, state: State) -> None:
    """Make the AWS clients of an app's services subject to the outage."""
    uploads: Any = state["uploads"]
    completion: Any = state["completion"]
    objects: Any = uploads._objects
    for store in (uploads._store._dynamo, objects, completion._queue._queues):
        store._client = _Client(store._client, outage)
    objects._public = _Client(objects._public, outage)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that succeeds."""

    caller: Person | Link
    path: str
    body: Json | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """Makes what a request needs to succeed."""

    sharing: SharingServices
    owner: Person

    async def queued(self) -> str:
        """Return an item that waits for a worker."""
        return (await self.owner.worker.queued(new_ulid().encode())).item_id

    async def comment(self) -> str:
        """Return the path of a comment of the owner's."""
        path = f"items/{await self.owner.photo()}/comments"
        return f"{path}/{(await self.owner.post(path, {'text': 'Mine'}))['id']}"

    async def shared_album(self) -> tuple[str, Person]:
        """Return an album and a member of it."""
        album, member = await self.owner.album(), await self.sharing.user()
        await self.owner.invite(album, member, Role.VIEWER)
        return album, member

    async def offered_album(self) -> tuple[str, Person]:
        """Return an album and the member to whom its transfer is offered."""
        album, member = await self.shared_album()
        await self.owner.post(f"albums/{album}/transfer", {"account_id": member.account})
        return album, member


Prepare = Callable[[Preparation], Awaitable[Request]]
