"""Build the services of albums, for the app and for workers."""

from dataclasses import dataclass
from typing import TypedDict

from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.access.store.order import OrderStore
from app.access.store.placement_purge import PlacementPurgeStore
from app.access.store.placements import PlacementStore
from app.access.wiring import AccessParts
from app.accounts.service.accounts import AccountService
from app.albums.service.album_events import AlbumEvents
from app.albums.service.albums import AlbumService
from app.albums.service.capture import CaptureProjection
from app.albums.service.contents import AlbumContents
from app.albums.service.erasure import AlbumErasure
from app.albums.service.invitations import InvitationService
from app.albums.service.joining import JoinService
from app.albums.service.leaving import LeaveService
from app.albums.service.lists import AlbumLists
from app.albums.service.members import MemberService
from app.albums.service.moves import MoveService
from app.albums.service.open_access import Links, OpenAccess
from app.albums.service.pages import AlbumPages
from app.albums.service.placement_purge import PlacementPurgeService
from app.albums.service.placements import PlacementService
from app.albums.service.transfers import TransferService
from app.albums.store.invitations import InvitationStore
from app.albums.store.transfers import TransferStore
from app.items.service.items import ItemService
from app.pagination import Cursors
from app.services import Foundation


class ContentServices(TypedDict):
    albums: AlbumService
    album_lists: AlbumLists
    album_pages: AlbumPages
    placements: PlacementService
    moves: MoveService


class MemberServices(TypedDict):
    members: MemberService
    transfers: TransferService
    invitations: InvitationService
    joining: JoinService


class AlbumServices(ContentServices, MemberServices):
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
    """What the services of both processes share. Stores hold no state."""

    albums: AlbumStore
    members: MemberStore
    placements: PlacementStore
    transfers: TransferStore
    invitations: InvitationStore
    events: AlbumEvents
    contents: AlbumContents
    leave_service: LeaveService


def _build_parts(base: Foundation) -> _Parts:
    albums, members, placements, transfers = AlbumStore(), MemberStore(), PlacementStore(), TransferStore()
    events = AlbumEvents(outbox=base.events.outbox, store=albums)
    contents = AlbumContents(database=base.database, cache=base.cache, albums=albums, store=placements, events=events)
    leave_service = LeaveService(
        albums=albums, members=members, placed=placements, contents=contents, transfers=transfers, events=events
    )
    return _Parts(
        albums=albums,
        members=members,
        placements=placements,
        transfers=transfers,
        invitations=InvitationStore(),
        events=events,
        contents=contents,
        leave_service=leave_service,
    )


def build_albums(
    *,
    base: Foundation,
    access: AccessParts,
    accounts: AccountService,
    items: ItemService,
    links: Links,
    cursors: Cursors,
) -> AlbumServices:
    """`links`: the share links of albums, which end with a transfer."""
    parts = _build_parts(base)
    return AlbumServices(
        **_build_content(base=base, parts=parts, access=access, items=items, cursors=cursors),
        **_build_members(base=base, parts=parts, access=access, accounts=accounts, links=links, cursors=cursors),
    )


def _build_content(
    *, base: Foundation, parts: _Parts, access: AccessParts, items: ItemService, cursors: Cursors
) -> ContentServices:
    cache, completed_requests, events = base.cache, base.events.completed_requests, parts.events
    return ContentServices(
        albums=AlbumService(
            cache=cache,
            access=access.access,
            store=parts.albums,
            members=parts.members,
            placements=parts.placements,
            events=events,
            completed_requests=completed_requests,
            clock=base.clock,
        ),
        album_lists=AlbumLists(
            database=base.database, store=parts.albums, shared_items=access.shared_items, items=items, cursors=cursors
        ),
        album_pages=AlbumPages(cache=cache, store=parts.placements, items=items, cursors=cursors),
        placements=PlacementService(
            cache=cache,
            albums=parts.albums,
            store=parts.placements,
            contents=parts.contents,
            items=items,
            events=events,
            completed_requests=completed_requests,
            clock=base.clock,
        ),
        moves=MoveService(
            cache=cache,
            albums=parts.albums,
            placements=parts.placements,
            store=OrderStore(),
            events=events,
            completed_requests=completed_requests,
        ),
    )


def _build_members(
    *, base: Foundation, parts: _Parts, access: AccessParts, accounts: AccountService, links: Links, cursors: Cursors
) -> MemberServices:
    database, cache, clock, events = base.database, base.cache, base.clock, parts.events
    return MemberServices(
        members=MemberService(
            database=database,
            cache=cache,
            albums=parts.albums,
            store=parts.members,
            leave_service=parts.leave_service,
            accounts=accounts,
            events=events,
            cursors=cursors,
        ),
        transfers=TransferService(
            database=database,
            cache=cache,
            access=access.access,
            albums=parts.albums,
            members=parts.members,
            store=parts.transfers,
            open_access=OpenAccess(links=links, invitations=parts.invitations),
            events=events,
            completed_requests=base.events.completed_requests,
            clock=clock,
        ),
        invitations=InvitationService(
            database=database,
            cache=cache,
            access=access.access,
            albums=parts.albums,
            store=parts.invitations,
            outbox=base.events.outbox,
            cursors=cursors,
            clock=clock,
        ),
        joining=JoinService(
            cache=cache,
            albums=parts.albums,
            members=parts.members,
            store=parts.invitations,
            events=events,
            clock=clock,
        ),
    )


def build_album_work(*, base: Foundation) -> AlbumWorkParts:
    parts, purge, database = _build_parts(base), PlacementPurgeStore(), base.database
    return AlbumWorkParts(
        contents=parts.contents,
        captures=CaptureProjection(items=base.items.store, contents=parts.contents),
        placement_purge=PlacementPurgeService(
            database=database, store=purge, invitations=parts.invitations, clock=base.clock
        ),
        erasure=AlbumErasure(
            database=database,
            cache=base.cache,
            albums=parts.albums,
            leave_service=parts.leave_service,
            invitations=parts.invitations,
            purge=purge,
            events=parts.events,
            transfers=parts.transfers,
        ),
    )
