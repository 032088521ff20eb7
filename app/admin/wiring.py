"""Build the operators' overview."""

from typing import TypedDict

from app.admin.overview import OverviewService
from app.items.wiring import build_backlog
from app.services import Foundation


class AdminServices(TypedDict):
    """The state of routes."""

    overview: OverviewService


def build_overview(*, base: Foundation) -> AdminServices:
    return AdminServices(
        overview=OverviewService(
            backlog=build_backlog(clients=base.clients),
            relay=base.events.relay,
            outbox=base.events.outbox_relay,
            queues=base.amazon.queues,
            registry=base.signals.presence,
            clock=base.clock,
        )
    )
