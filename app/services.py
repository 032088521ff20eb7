"""The foundation of both composition roots: clients, event log and item rows."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from app.clients import Clients, open_clients
from app.events.wiring import EventParts, open_events
from app.items.wiring import ItemParts, build_item_parts
from app.settings import Settings
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.clients import AmazonStores
from app.stores.signals import Signals
from darkroom_shared.ids import AccountId
from darkroom_shared.times import Clock


@dataclass(frozen=True, slots=True)
class Foundation:
    """What the services of all capabilities are built on."""

    clients: Clients
    events: EventParts
    items: ItemParts

    @property
    def clock(self) -> Clock:
        return self.clients.clock

    @property
    def database(self) -> Database:
        return self.clients.database

    @property
    def cache(self) -> Cache:
        return self.clients.cache

    @property
    def signals(self) -> Signals:
        return self.clients.signals

    @property
    def amazon(self) -> AmazonStores:
        return self.clients.amazon


async def open_foundation(
    settings: Settings, stack: AsyncExitStack, clock: Clock, appended: Callable[[AccountId], None] | None = None
) -> Foundation:
    """Open the clients, which the stack closes in reverse order. `appended` is called with an account after this
    process has appended to its log."""
    clients = await open_clients(stack, settings=settings, clock=clock)
    events = await open_events(stack, clients=clients, appended=appended)
    return Foundation(
        clients=clients,
        events=events,
        items=build_item_parts(settings=settings, clients=clients, events=events),
    )
