"""Build the services of albums, for the app and for workers."""

from dataclasses import dataclass
from typing import TypedDict

from app.access.service.album_changes import AlbumChanges
from app.access.store.order import OrderStore
from app.access.store.placement_purge import PlacementPurgeStore
from app.access.store.placements import PlacementStore
from app.access.wiring import AccessParts, build_access_service, build_album_changes
from app.accounts.service.accounts import AccountService
from app.albums.service.album_events import AlbumEvents
from app.albums.service.albums import AlbumService
from app.albums.service.capture import CaptureProjection
from app.albums.service.contents import AlbumContents
from app.albums.service.creation import AlbumCreation
from app.albums.service.erasure import AlbumErasure
from app.albums.service.invitation_lists import InvitationLists
from app.albums.service.invitations import InvitationService
from app.albums.service.joining import JoinService
from app.albums.service.leaving import LeaveService
from app.albums.service.lists import AlbumLists
from app.albums.service.member_lists import MemberLists
from app.albums.service.members import MemberService
from app.albums.service.moves import MoveService
from app.albums.service.offers import TransferOffers
from app.albums.service.open_access import Links, OpenAccess
from app.albums.service.pages import AlbumPages
from app.albums.service.placement_purge import PlacementPurgeService
from app.albums.service.placements import PlacementService
from app.albums.service.remaining_rows import RemainingRows
from app.albums.service.transfer_acceptance import TransferAcceptance
from app.albums.service.transfers import TransferService
from app.albums.store.invitations import InvitationStore
from app.albums.store.transfers import TransferStore
from app.items.service.items import ItemService
from app.items.service.representation import ItemRepresentation
from app.pagination import Cursors
from app.services import Foundation


class ContentServices(TypedDict):
    albums: AlbumService
    album_creation: AlbumCreation
    placements: PlacementService
    moves: MoveService


class ItemListServices(TypedDict):
    album_lists: AlbumLists
    album_pages: AlbumPages


class ListServices(TypedDict):
    member_lists: MemberLists
    invitation_lists: InvitationLists


class MemberServices(TypedDict):
    members: MemberService
    invitations: InvitationService
    joining: JoinService


class TransferServices(TypedDict):
    transfers: TransferService
    transfer_acceptance: TransferAcceptance


class AlbumServices(ContentServices, ItemListServices, ListServices, MemberServices, TransferServices):
    """The state of routes."""


@dataclass(frozen=True, slots=True)
class AlbumWorkParts:
    """What workers need."""

    contents: AlbumContents
    captures: CaptureProjection
    placement_purge: PlacementPurgeService
    erasure: AlbumErasure


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the services of both processes share."""

    changes: AlbumChanges
    events: AlbumEvents
    contents: AlbumContents
    leave_service: LeaveService


def _build_parts(base: Foundation) -> _Parts:
    changes = build_album_changes()
    events = AlbumEvents(outbox=base.events.outbox, changes=changes)
    contents = AlbumContents(
        database=base.database,
        cache=base.cache,
        changes=changes,
        store=PlacementStore(),
        events=events,
        clock=base.clock,
    )
    leave_service = LeaveService(changes=changes, contents=contents, transfers=TransferStore(), events=events)
    return _Parts(changes=changes, events=events, contents=contents, leave_service=leave_service)


def build_albums(
    *,
    base: Foundation,
    access: AccessParts,
    accounts: AccountService,
    items: ItemService,
    representation: ItemRepresentation,
    links: Links,
    cursors: Cursors,
) -> AlbumServices:
    """`links`: the share links of albums, which end with a transfer."""
    parts = _build_parts(base)
    return AlbumServices(
        **_build_content(base=base, parts=parts, access=access, items=items),
        **_build_lists(base=base, access=access, accounts=accounts, cursors=cursors),
        **_build_item_lists(base=base, access=access, items=items, representation=representation, cursors=cursors),
        **_build_members(base=base, parts=parts, accounts=accounts),
        **_build_transfers(base=base, parts=parts, access=access, links=links),
    )


def _build_content(*, base: Foundation, parts: _Parts, access: AccessParts, items: ItemService) -> ContentServices:
    cache, completed_requests = base.cache, base.events.completed_requests
    changes, contents, events = parts.changes, parts.contents, parts.events
    return ContentServices(
        albums=AlbumService(cache=cache, access=access.access, changes=changes, contents=contents, events=events),
        album_creation=AlbumCreation(
            cache=cache, changes=changes, events=events, completed_requests=completed_requests, clock=base.clock
        ),
        placements=PlacementService(
            cache=cache, changes=changes, contents=contents, items=items, completed_requests=completed_requests
        ),
        moves=MoveService(
            cache=cache,
            changes=changes,
            contents=contents,
            store=OrderStore(),
            events=events,
            completed_requests=completed_requests,
        ),
    )


def _build_item_lists(
    *,
    base: Foundation,
    access: AccessParts,
    items: ItemService,
    representation: ItemRepresentation,
    cursors: Cursors,
) -> ItemListServices:
    return ItemListServices(
        album_lists=AlbumLists(
            database=base.database,
            access=access.access,
            shared_items=access.shared_items,
            representation=representation,
            cursors=cursors,
        ),
        album_pages=AlbumPages(cache=base.cache, store=PlacementStore(), items=items, cursors=cursors),
    )


def _build_lists(*, base: Foundation, access: AccessParts, accounts: AccountService, cursors: Cursors) -> ListServices:
    database, service = base.database, access.access
    return ListServices(
        member_lists=MemberLists(database=database, access=service, accounts=accounts, cursors=cursors),
        invitation_lists=InvitationLists(
            database=database, access=service, store=InvitationStore(), cursors=cursors, clock=base.clock
        ),
    )


def _build_members(*, base: Foundation, parts: _Parts, accounts: AccountService) -> MemberServices:
    cache, changes, events, store = base.cache, parts.changes, parts.events, InvitationStore()
    return MemberServices(
        members=MemberService(
            cache=cache, changes=changes, leave_service=parts.leave_service, accounts=accounts, events=events
        ),
        invitations=InvitationService(
            cache=cache, changes=changes, store=store, outbox=base.events.outbox, clock=base.clock
        ),
        joining=JoinService(cache=cache, changes=changes, store=store, events=events, clock=base.clock),
    )


def _build_transfers(*, base: Foundation, parts: _Parts, access: AccessParts, links: Links) -> TransferServices:
    cache, changes, completed_requests = base.cache, parts.changes, base.events.completed_requests
    offers = TransferOffers(store=TransferStore(), events=parts.events, clock=base.clock)
    return TransferServices(
        transfers=TransferService(
            database=base.database,
            cache=cache,
            access=access.access,
            changes=changes,
            offers=offers,
            completed_requests=completed_requests,
        ),
        transfer_acceptance=TransferAcceptance(
            cache=cache,
            changes=changes,
            offers=offers,
            open_access=OpenAccess(links=links, invitations=InvitationStore()),
            completed_requests=completed_requests,
        ),
    )


def build_album_work(*, base: Foundation) -> AlbumWorkParts:
    """Build what the worker runs: the projection of capture times, the purge of placements, and the erasure."""
    parts, purge, database, invitations = _build_parts(base), PlacementPurgeStore(), base.database, InvitationStore()
    return AlbumWorkParts(
        contents=parts.contents,
        captures=CaptureProjection(items=base.items.rows, contents=parts.contents),
        placement_purge=PlacementPurgeService(
            database=database, store=purge, invitations=invitations, clock=base.clock
        ),
        erasure=AlbumErasure(
            database=database,
            cache=base.cache,
            access=build_access_service(base=base),
            changes=parts.changes,
            leave_service=parts.leave_service,
            remaining_rows=RemainingRows(
                database=database, purge=purge, invitations=invitations, transfers=TransferStore()
            ),
        ),
    )
