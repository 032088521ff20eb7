"""Build the services of albums once per process, for the app and the worker."""

from dataclasses import dataclass

from app.access.service.access import SharingService
from app.access.service.shared_items import SharedItems
from app.access.store.access import SharingStore
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.access.store.order import OrderStore
from app.access.store.placement_purge import PlacementPurgeStore
from app.access.store.placements import PlacementStore
from app.accounts.service.accounts import AccountService
from app.albums.service.album_events import AlbumEvents
from app.albums.service.albums import AlbumService
from app.albums.service.capture import CaptureProjection
from app.albums.service.contents import AlbumContents
from app.albums.service.erasure import AlbumErasure
from app.albums.service.invitations import InvitationService
from app.albums.service.leaving import LeaveService
from app.albums.service.members import MemberService
from app.albums.service.moves import MoveService
from app.albums.service.open_access import OpenAccess
from app.albums.service.pages import AlbumPages
from app.albums.service.placement_purge import PlacementPurgeService
from app.albums.service.placements import PlacementService
from app.albums.service.transfers import TransferService
from app.albums.store.invitations import InvitationStore
from app.albums.store.transfers import TransferStore
from app.comments.service.comment_events import CommentEvents
from app.comments.service.erasure import CommentErasure
from app.comments.service.unread_expiry import UnreadExpiry
from app.comments.store import CommentStore
from app.items.service.items import ItemService
from app.pagination import Cursors
from app.services import Foundation
from app.share_links.service.album_links import AlbumLinks
from app.share_links.store.links import ShareStore


@dataclass(frozen=True, slots=True)
class AlbumParts:
    sharing: SharingService
    shared_items: SharedItems
    albums: AlbumService
    pages: AlbumPages
    placements: PlacementService
    moves: MoveService
    members: MemberService
    transfers: TransferService
    invitations: InvitationService

    @classmethod
    def build(cls, base: Foundation, accounts: AccountService, items: ItemService, cursors: Cursors) -> "AlbumParts":
        store, member_store, placed = AlbumStore(), MemberStore(), PlacementStore()
        events = AlbumEvents(base.events.outbox, store)
        database, cache, completed_requests, clock = (
            base.database,
            base.cache,
            base.events.completed_requests,
            base.clock,
        )
        contents = AlbumContents(database, cache, store, placed, events)
        transfers, invitations = TransferStore(), InvitationStore()
        leave_service = LeaveService(store, member_store, placed, contents, transfers, events)
        sharing = SharingService(cache, SharingStore(), store)
        shared_items = SharedItems(sharing, items, accounts)
        placements = PlacementService(cache, store, placed, contents, items, events, completed_requests, clock)
        return cls(
            sharing,
            shared_items,
            AlbumService(
                database,
                cache,
                sharing,
                shared_items,
                items,
                store,
                member_store,
                placed,
                events,
                completed_requests,
                cursors,
                clock,
            ),
            AlbumPages(cache, placed, items, cursors),
            placements,
            MoveService(cache, store, placed, OrderStore(), events, completed_requests),
            MemberService(database, cache, store, member_store, leave_service, accounts, events, cursors),
            TransferService(
                database=database,
                cache=cache,
                sharing=sharing,
                albums=store,
                members=member_store,
                store=transfers,
                open_access=OpenAccess(
                    links=AlbumLinks(ShareStore(), base.events.outbox),
                    invitations=invitations,
                ),
                events=events,
                completed_requests=completed_requests,
                clock=clock,
            ),
            InvitationService(
                database,
                cache,
                sharing,
                store,
                member_store,
                invitations,
                events,
                base.events.outbox,
                cursors,
                clock,
            ),
        )


@dataclass(frozen=True, slots=True)
class AlbumMaintenanceParts:
    """The workers' services for albums."""

    contents: AlbumContents
    captures: CaptureProjection
    placement_purge: PlacementPurgeService
    unread_expiry: UnreadExpiry
    comments: CommentErasure
    erasure: AlbumErasure

    @classmethod
    def build(cls, base: Foundation) -> "AlbumMaintenanceParts":
        store, placed, placement_purge = AlbumStore(), PlacementStore(), PlacementPurgeStore()
        invitations, transfers = InvitationStore(), TransferStore()
        events, database, cache = AlbumEvents(base.events.outbox, store), base.database, base.cache
        contents = AlbumContents(database, cache, store, placed, events)
        leave_service = LeaveService(store, MemberStore(), placed, contents, transfers, events)
        comment_store = CommentStore()
        comments = CommentErasure(database, cache, comment_store, CommentEvents(base.events.outbox, comment_store))
        return cls(
            contents,
            CaptureProjection(base.items.store, contents),
            PlacementPurgeService(database, placement_purge, invitations, base.clock),
            UnreadExpiry(database, cache, comment_store, base.clock),
            comments,
            AlbumErasure(database, cache, store, leave_service, invitations, placement_purge, events, transfers),
        )
