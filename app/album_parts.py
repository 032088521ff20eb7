"""Build the services of albums once per process, for the app and the worker."""

from dataclasses import dataclass

from app.access.service import SharingService
from app.access.shared_items import SharedItems
from app.access.store import SharingStore
from app.accounts.service import AccountService
from app.albums.album_events import AlbumEvents
from app.albums.capture import CaptureProjection
from app.albums.contents import AlbumContents
from app.albums.erasure import AlbumErasure
from app.albums.invitation_store import InvitationStore
from app.albums.invitations import InvitationService
from app.albums.leaving import LeaveService
from app.albums.member_store import MemberStore
from app.albums.members import MemberService
from app.albums.moves import MoveService
from app.albums.open_access import OpenAccess
from app.albums.order_store import OrderStore
from app.albums.pages import AlbumPages
from app.albums.placement_purge import PlacementPurgeService
from app.albums.placement_purge_store import PlacementPurgeStore
from app.albums.placement_store import PlacementStore
from app.albums.placements import PlacementService
from app.albums.service import AlbumService
from app.albums.store import AlbumStore
from app.albums.transfer_store import TransferStore
from app.albums.transfers import TransferService
from app.comments.erasure import CommentErasure
from app.comments.events import CommentEvents
from app.comments.store import CommentStore
from app.comments.unread_expiry import UnreadExpiry
from app.items.service import ItemService
from app.pagination import Cursors
from app.services import Foundation
from app.share_links.store import ShareStore


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
        sharing = SharingService(cache, SharingStore())
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
                open_access=OpenAccess(cache, ShareStore(), invitations, base.events.outbox),
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
    comments: CommentErasure
    erasure: AlbumErasure

    @classmethod
    def build(cls, base: Foundation) -> "AlbumMaintenanceParts":
        store, placed, placement_purge, invitations = (
            AlbumStore(),
            PlacementStore(),
            PlacementPurgeStore(),
            InvitationStore(),
        )
        events, database, cache = AlbumEvents(base.events.outbox, store), base.database, base.cache
        contents = AlbumContents(database, cache, store, placed, events)
        leave_service = LeaveService(store, MemberStore(), placed, contents, TransferStore(), events)
        comment_store = CommentStore()
        comments = CommentErasure(database, cache, comment_store, CommentEvents(base.events.outbox, comment_store))
        return cls(
            contents,
            CaptureProjection(base.items.store, contents),
            PlacementPurgeService(
                database,
                placement_purge,
                invitations,
                UnreadExpiry(database, cache, comment_store, base.clock),
                base.clock,
            ),
            comments,
            AlbumErasure(database, cache, store, leave_service, invitations, placement_purge, events, comments),
        )
