"""Build the operators' overview and the verification."""

from dataclasses import dataclass
from typing import TypedDict

from app.accounts.wiring import build_account_rows, build_closed_accounts
from app.admin.service.leftovers import AccountVerification
from app.admin.service.overview import OverviewService
from app.admin.service.verify import Verification
from app.admin.service.verify_exports import ExportVerification
from app.admin.service.verify_index import IndexVerification
from app.albums.wiring import build_album_work
from app.comments.wiring import build_comment_work
from app.exports.wiring import build_export_rows, build_export_work
from app.items.wiring import build_backlog, build_item_store, build_item_work
from app.search.wiring import build_index, build_index_contents
from app.services import Foundation


class AdminServices(TypedDict):
    """The state of routes."""

    overview: OverviewService


@dataclass(frozen=True, slots=True)
class Verifications:
    """What `darkroom verify` compares."""

    items: Verification
    exports: ExportVerification
    index: IndexVerification


def build_overview(*, base: Foundation) -> AdminServices:
    return AdminServices(
        overview=OverviewService(
            backlog=build_backlog(clients=base.clients),
            relay=base.events.relay,
            outbox=base.events.outbox_publisher,
            queues=base.amazon.queues,
            registry=base.signals.presence,
            clock=base.clock,
        )
    )


def build_verifications(*, base: Foundation, read: bool) -> Verifications:
    """`read`: also download every original and compare its bytes with the digest."""
    items, events, objects = build_item_store(clients=base.clients), base.events, base.amazon.objects
    return Verifications(
        items=Verification(items=items, events=events.store, objects=objects, clock=base.clock, read=read),
        exports=ExportVerification(exports=build_export_rows(base=base), objects=objects, clock=base.clock),
        index=IndexVerification(
            items=items, events=events.store, cursors=events.cursors, contents=build_index_contents(base=base)
        ),
    )


def build_account_verification(*, base: Foundation) -> AccountVerification:
    return AccountVerification(
        closed=build_closed_accounts(clients=base.clients),
        counted=[
            build_account_rows(clients=base.clients),
            build_item_work(clients=base.clients, parts=base.items).erasure,
            build_export_work(base=base).erasure,
            base.events.erasure,
            build_album_work(base=base).erasure,
            build_comment_work(base=base).erasure,
            base.events.relational,
            build_index(base=base).index,
        ],
        objects=base.amazon.objects,
    )
