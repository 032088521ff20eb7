"""Build the services of events: the accounts' logs, the outbox of relational changes, and the relay."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypedDict

from app.clients import Clients
from app.events.service.erasure import EventErasure
from app.events.service.log import EventLog
from app.events.service.nudging import ProjectionNudges
from app.events.service.outbox import EventOutbox
from app.events.service.outbox_publisher import OutboxPublisher, PromptPublisher
from app.events.service.projection import Projection, ProjectionUpdater
from app.events.service.relay import RelayService
from app.events.service.requests import RelationalRequests
from app.events.service.stream import LiveEvents, event_channel
from app.events.store.cursors import CursorStore
from app.events.store.log import EventStore
from app.events.store.outbox import OutboxStore
from app.events.store.relational import RelationalEvents
from app.events.store.requests import RequestStore
from app.projections import PROJECTIONS
from darkroom_shared.ids import AccountId


@dataclass(frozen=True, slots=True)
class EventParts:
    """What app and workers share."""

    store: EventStore
    log: EventLog
    outbox: EventOutbox
    outbox_publisher: OutboxPublisher
    cursors: CursorStore
    relay: RelayService
    completed_requests: RelationalRequests
    relational: RelationalEvents
    erasure: EventErasure


class EventServices(TypedDict):
    """The state of routes."""

    event_log: EventLog
    live_events: LiveEvents


async def open_events(
    stack: AsyncExitStack, *, clients: Clients, appended: Callable[[AccountId], None] | None = None
) -> EventParts:
    """`appended` is called with an account after this process has appended to its log."""

    async def nudge(account: AccountId) -> None:
        if appended is not None:
            appended(account)
        await clients.signals.nudge(event_channel(account))

    clock, amazon = clients.clock, clients.amazon
    store, cursors = EventStore(amazon.dynamo), CursorStore(database=clients.database, clock=clock)
    log = await stack.enter_async_context(EventLog(store=store, dynamo=amazon.dynamo, nudge=nudge, clock=clock))
    outbox_publisher = OutboxPublisher(store=OutboxStore(clients.database), event_log=log, clock=clock)
    prompt = await stack.enter_async_context(PromptPublisher(outbox_publisher))
    nudges = ProjectionNudges(cursors=cursors, queues=amazon.queues, projections=PROJECTIONS)
    return EventParts(
        store=store,
        log=log,
        outbox=EventOutbox(clock=clock, hint=prompt.hint),
        outbox_publisher=outbox_publisher,
        cursors=cursors,
        relay=RelayService(store=store, topics=amazon.topics, projections=nudges, clock=clock),
        completed_requests=RelationalRequests(store=RequestStore(), clock=clock),
        relational=RelationalEvents(clients.database),
        erasure=EventErasure(store),
    )


def build_projection_updater(*, events: EventParts, projections: Sequence[Projection]) -> ProjectionUpdater:
    return ProjectionUpdater(log=events.log, cursors=events.cursors, projections=projections)


async def open_event_services(
    stack: AsyncExitStack, *, clients: Clients, events: EventParts, stopping: asyncio.Event
) -> EventServices:
    """`stopping` ends all streams of this process."""
    live_events = LiveEvents(
        event_log=events.log,
        store=events.store,
        nudges=clients.signals.nudges,
        clock=clients.clock,
        stopping=stopping,
    )
    return EventServices(event_log=events.log, live_events=await stack.enter_async_context(live_events))
