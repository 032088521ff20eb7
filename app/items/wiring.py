"""Build the services of items, their deletion and reprocessing, for the app and for workers."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict

from app.clients import Clients
from app.events.wiring import EventParts
from app.items.deletion.service.erasure import ItemErasure
from app.items.deletion.service.purge import OnPurge, Purging
from app.items.deletion.service.trash import TrashService
from app.items.maintenance.service.cleanup import Cleanup
from app.items.maintenance.service.maintenance import MaintenanceService
from app.items.maintenance.service.overdue import OverdueItems
from app.items.reprocessing.service.reprocessing import Reprocessing
from app.items.reprocessing.service.work import ReprocessWork
from app.items.service.actions import ItemActions
from app.items.service.backlog import BacklogService
from app.items.service.changes import ItemChanges
from app.items.service.completion import CompletionService
from app.items.service.delivery import Delivery
from app.items.service.grants import PlaybackGrants
from app.items.service.inventory import Inventory
from app.items.service.items import ItemService
from app.items.service.key_watch import watching_keys
from app.items.service.lifecycle import LEASE
from app.items.service.playback import PlaybackService
from app.items.service.queueing import WorkQueue
from app.items.service.representation import ItemRepresentation
from app.items.service.requests import Requests
from app.items.service.rows import ItemRows
from app.items.service.uploads import UploadService
from app.items.service.work import WorkService
from app.items.store import ItemStore
from app.jobs.lapses import Lapses
from app.media.recipe import recipe_hash
from app.pagination import Cursors
from app.settings import Settings
from app.stores.cloudfront import UrlSigner
from darkroom_process.secret_file import Secret
from darkroom_shared.ids import AccountId


@dataclass(frozen=True, slots=True)
class ItemParts:
    """What app and workers share. Other capabilities read `rows`."""

    rows: ItemRows
    changes: ItemChanges
    queue: WorkQueue


@dataclass(frozen=True, slots=True)
class ItemWorkParts:
    """What workers need besides the maintenance."""

    work: WorkService
    reprocess_work: ReprocessWork
    erasure: ItemErasure


class ItemServices(TypedDict):
    """The state of routes."""

    items: ItemService
    item_actions: ItemActions
    representation: ItemRepresentation
    uploads: UploadService
    completion: CompletionService
    playback: PlaybackService
    trash: TrashService


def build_item_parts(*, settings: Settings, clients: Clients, events: EventParts) -> ItemParts:
    store = ItemStore(clients.amazon.dynamo)
    changes = ItemChanges(store=store, log=events.log, clock=clients.clock, quota_bytes=settings.account_quota_bytes)
    return ItemParts(
        rows=store,
        changes=changes,
        queue=WorkQueue(queues=clients.amazon.queues, changes=changes, clock=clients.clock),
    )


async def open_delivery(stack: AsyncExitStack, *, settings: Settings, clients: Clients) -> Delivery:
    """Return the signer of URLs. It reads its keys again when their file changes."""
    if settings.cdn_keys_file is not None:
        watching = watching_keys(settings.cdn_keys_file, settings.cdn_url, clients.clock)
        return await stack.enter_async_context(watching)
    key_id, key = settings.cdn_key()
    return Delivery(
        signer=UrlSigner(base_url=settings.cdn_url, key_id=key_id, private_key_pem=key), clock=clients.clock
    )


def build_items(
    *, clients: Clients, parts: ItemParts, delivery: Delivery, cursors: Cursors, secret: Secret
) -> ItemServices:
    store, changes, queue = ItemStore(clients.amazon.dynamo), parts.changes, parts.queue
    objects, clock = clients.amazon.objects, clients.clock
    requests = Requests(store, clock)
    playback = PlaybackService(
        store=store, objects=objects, delivery=delivery, grants=PlaybackGrants(secret), clock=clock
    )
    items = ItemService(store=store, cursors=cursors)
    return ItemServices(
        items=items,
        item_actions=ItemActions(
            items=items, changes=changes, requests=requests, objects=objects, queue=queue, clock=clock
        ),
        representation=ItemRepresentation(objects=objects, delivery=delivery, playback=playback),
        uploads=UploadService(store=store, changes=changes, requests=requests, objects=objects, clock=clock),
        completion=CompletionService(
            store=store, changes=changes, requests=requests, objects=objects, queue=queue, clock=clock
        ),
        playback=playback,
        trash=TrashService(store=store, changes=changes, clock=clock),
    )


def build_maintenance(
    *,
    clients: Clients,
    parts: ItemParts,
    on_purge: Sequence[OnPurge] = (),
    lapses: Lapses | None = None,
) -> MaintenanceService:
    """`on_purge`: callbacks of other capabilities that delete an item from their stores before its row is deleted.
    `lapses` is shared by the sweepers of a process."""
    store, changes = ItemStore(clients.amazon.dynamo), parts.changes
    lapses = lapses or Lapses(clients.clock, LEASE)
    objects, clock = clients.amazon.objects, clients.clock
    return MaintenanceService(
        store=store,
        queue=parts.queue,
        overdue=OverdueItems(changes=changes, clock=clock, lapses=lapses),
        cleanup=Cleanup(changes=changes, objects=objects, clock=clock),
        purging=Purging(store=store, changes=changes, objects=objects, clock=clock, on_purge=on_purge),
        lapses=lapses,
        clock=clock,
    )


def build_backlog(*, clients: Clients) -> BacklogService:
    return BacklogService(store=ItemStore(clients.amazon.dynamo), clock=clients.clock)


def build_inventory(*, clients: Clients) -> Inventory:
    """Return what lists an account's items for an export."""
    return Inventory(ItemStore(clients.amazon.dynamo))


def build_reprocessing(*, clients: Clients, parts: ItemParts, account: AccountId | None) -> Reprocessing:
    """Return what requests the reprocessing of stale items: those of one account, or of all."""
    return Reprocessing(
        store=ItemStore(clients.amazon.dynamo),
        changes=parts.changes,
        queues=clients.amazon.queues,
        recipe=recipe_hash(),
        clock=clients.clock,
        account=account,
    )


def build_item_store(*, clients: Clients) -> ItemStore:
    """Return the store for its verification."""
    return ItemStore(clients.amazon.dynamo)


def build_item_work(*, clients: Clients, parts: ItemParts, lease: timedelta = LEASE) -> ItemWorkParts:
    """Build what the worker runs: new work, reprocessing and erasure. `lease` is the validity of a claim."""
    store, changes, clock = ItemStore(clients.amazon.dynamo), parts.changes, clients.clock
    work = WorkService(store=store, changes=changes, queue=parts.queue, clock=clock, lease=lease)
    return ItemWorkParts(
        work=work,
        reprocess_work=ReprocessWork(
            store=store, changes=changes, work=work, recipe=recipe_hash(), clock=clock, lease=lease
        ),
        erasure=ItemErasure(store=store, objects=clients.amazon.objects),
    )
