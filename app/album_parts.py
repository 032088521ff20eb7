"""The slice's services, built once for a process: an app's, or a worker's."""

from dataclasses import dataclass

from app.accounts.service import AccountService
from app.albums.capture import CaptureFollower
from app.albums.clearing import ClearingService
from app.albums.clearing_store import ClearingStore
from app.albums.comment_erasure import CommentErasure
from app.albums.comment_news import CommentNews
from app.albums.comment_store import CommentStore
from app.albums.contents import AlbumContents
from app.albums.departures import Departures
from app.albums.erasure import AlbumErasure
from app.albums.invitation_store import InvitationStore
from app.albums.invitations import InvitationService
from app.albums.member_store import MemberStore
from app.albums.members import MemberService
from app.albums.moves import MoveService
from app.albums.news import AlbumNews
from app.albums.open_access import OpenAccess
from app.albums.order_store import OrderStore
from app.albums.pages import AlbumPages
from app.albums.placement_store import PlacementStore
from app.albums.placements import PlacementService
from app.albums.service import AlbumService
from app.albums.share_store import ShareStore
from app.albums.store import AlbumStore
from app.albums.transfer_store import TransferStore
from app.albums.transfers import TransferService
from app.albums.unread_expiry import UnreadExpiry
from app.items.cursor import Cursors
from app.items.service import ItemService
from app.services import Foundation
from app.sharing.access import SharedItems
from app.sharing.service import SharingService
from app.sharing.store import SharingStore


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
        news = AlbumNews(base.events.outbox, store)
        database, cache, answered, clock = base.database, base.cache, base.events.answered, base.clock
        contents = AlbumContents(database, cache, store, placed, news)
        transfers, invitations = TransferStore(), InvitationStore()
        departures = Departures(store, member_store, placed, contents, transfers, news)
        sharing = SharingService(cache, SharingStore())
        shared_items = SharedItems(sharing, items, accounts)
        placements = PlacementService(cache, store, placed, contents, items, news, answered, clock)
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
                news,
                answered,
                cursors,
                clock,
            ),
            AlbumPages(cache, placed, items, cursors),
            placements,
            MoveService(cache, store, placed, OrderStore(), news, answered),
            MemberService(database, cache, store, member_store, departures, accounts, news, cursors),
            TransferService(
                database=database,
                cache=cache,
                sharing=sharing,
                albums=store,
                members=member_store,
                store=transfers,
                open_access=OpenAccess(cache, ShareStore(), invitations, base.events.outbox),
                news=news,
                answered=answered,
                clock=clock,
            ),
            InvitationService(
                database,
                cache,
                sharing,
                store,
                member_store,
                invitations,
                news,
                base.events.outbox,
                cursors,
                clock,
            ),
        )


@dataclass(frozen=True, slots=True)
class AlbumUpkeepParts:
    """What workers do with albums."""

    contents: AlbumContents
    captures: CaptureFollower
    clearing: ClearingService
    comments: CommentErasure
    erasure: AlbumErasure

    @classmethod
    def build(cls, base: Foundation) -> "AlbumUpkeepParts":
        store, placed, clearing, invitations = AlbumStore(), PlacementStore(), ClearingStore(), InvitationStore()
        news, database, cache = AlbumNews(base.events.outbox, store), base.database, base.cache
        contents = AlbumContents(database, cache, store, placed, news)
        departures = Departures(store, MemberStore(), placed, contents, TransferStore(), news)
        said = CommentStore()
        comments = CommentErasure(database, cache, said, CommentNews(base.events.outbox, said))
        return cls(
            contents,
            CaptureFollower(base.items.store, contents),
            ClearingService(
                database, clearing, invitations, UnreadExpiry(database, cache, said, base.clock), base.clock
            ),
            comments,
            AlbumErasure(database, cache, store, departures, invitations, clearing, news, comments),
        )
