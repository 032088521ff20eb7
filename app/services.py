"""The clients of one process, and the services that the app and the workers both build on them."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from app.aws_error_notices import AwsErrorNotices
from app.database import open_database
from app.events.service.log import EventLog, Nudge
from app.events.service.nudging import ProjectionNudges
from app.events.service.outbox import EventOutbox
from app.events.service.outbox_publisher import OutboxRelay, PromptPublisher
from app.events.service.relay import RelayService
from app.events.service.stream import event_channel
from app.events.store.cursors import CursorStore
from app.events.store.log import EventStore
from app.events.store.outbox import OutboxStore
from app.events.store.requests import RelationalRequests
from app.items.service.changes import ItemChanges
from app.items.service.queueing import WorkQueue
from app.items.store import ItemStore
from app.projections import PROJECTIONS
from app.settings import Settings
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.clients import AmazonStores, Endpoints, open_amazon
from app.stores.signals import Signals
from darkroom_shared.ids import AccountId
from darkroom_shared.times import Clock


@dataclass(frozen=True, slots=True)
class Foundation:
    """The shared part of both composition roots. The stack closes it in reverse order."""

    clock: Clock
    database: Database
    cache: Cache
    signals: Signals
    amazon: AmazonStores
    events: "EventParts"
    items: "ItemParts"


@dataclass(frozen=True, slots=True)
class EventParts:
    """The event log, the outbox for relational changes, and the relay."""

    store: EventStore
    log: EventLog
    outbox: EventOutbox
    outbox_relay: OutboxRelay
    cursors: CursorStore
    relay: RelayService
    completed_requests: RelationalRequests


@dataclass(frozen=True, slots=True)
class ItemParts:
    store: ItemStore
    changes: ItemChanges
    queue: WorkQueue


async def open_foundation(
    settings: Settings, stack: AsyncExitStack, clock: Clock, appended: Callable[[AccountId], None] | None = None
) -> Foundation:
    """Open the clients and build the shared services. `appended` is called with an account after this process has
    appended to its log."""
    database = open_database(settings)
    stack.push_async_callback(database.close)
    redis_url = settings.redis_url.get_secret_value()
    cache = await stack.enter_async_context(Cache(database, redis_url, mode=settings.cache))
    signals = await stack.enter_async_context(Signals(redis_url))
    amazon = await _open_amazon(settings, stack)
    await stack.enter_async_context(AwsErrorNotices(amazon.errors, signals.presence, clock))

    async def nudge(account: AccountId) -> None:
        if appended is not None:
            appended(account)
        await signals.nudge(event_channel(account))

    events = await _open_events(database, amazon, nudge, stack, clock)
    store = ItemStore(amazon.dynamo)
    changes = ItemChanges(store, events.log, clock, settings.account_quota_bytes)
    items = ItemParts(store, changes, WorkQueue(amazon.queues, changes, clock))
    return Foundation(clock, database, cache, signals, amazon, events, items)


async def _open_amazon(settings: Settings, stack: AsyncExitStack) -> AmazonStores:
    secret = settings.aws_secret_access_key
    return await open_amazon(
        stack,
        Endpoints(
            dynamodb=settings.dynamodb_endpoint,
            s3=settings.s3_endpoint,
            s3_public=settings.s3_public_endpoint,
            sqs=settings.sqs_endpoint,
            sns=settings.sns_endpoint,
        ),
        region=settings.aws_region,
        bucket=settings.bucket,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=secret.get_secret_value() if secret else None,
    )


async def _open_events(
    database: Database, amazon: AmazonStores, nudge: Nudge, stack: AsyncExitStack, clock: Clock
) -> EventParts:
    store, cursors = EventStore(amazon.dynamo), CursorStore(database, clock)
    log = await stack.enter_async_context(EventLog(store, amazon.dynamo, nudge, clock))
    outbox_relay = OutboxRelay(OutboxStore(database), log, clock)
    prompt = await stack.enter_async_context(PromptPublisher(outbox_relay))
    nudges = ProjectionNudges(cursors, amazon.queues, PROJECTIONS)
    return EventParts(
        store,
        log,
        EventOutbox(clock, prompt.hint),
        outbox_relay,
        cursors,
        RelayService(store, amazon.topics, nudges, clock),
        RelationalRequests(clock),
    )
