"""Build the services of share links and comments once per process."""

from dataclasses import dataclass

from app.accounts.service.accounts import AccountService
from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import Passwords
from app.album_parts import AlbumParts
from app.comments.service.comment_events import CommentEvents
from app.comments.service.comments import CommentService
from app.comments.service.unread import UnreadService
from app.comments.store import CommentStore
from app.items.service.items import ItemService
from app.pagination import Cursors
from app.services import Foundation
from app.share_links.service.album_visits import AlbumVisits
from app.share_links.service.proofs import Proofs
from app.share_links.service.share_links import ShareService
from app.share_links.service.visits import VisitService
from app.share_links.store.links import ShareStore
from app.share_links.store.visits import LinkStore


@dataclass(frozen=True, slots=True)
class VisitParts:
    visits: VisitService
    album_visits: AlbumVisits
    shares: ShareService

    @classmethod
    def build(
        cls,
        base: Foundation,
        accounts: AccountService,
        passwords: Passwords,
        attempts: Attempts,
        albums: AlbumParts,
        secret: bytes,
    ) -> "VisitParts":
        database, cache, clock = base.database, base.cache, base.clock
        visits = VisitService(LinkStore(), database, cache, passwords, attempts, Proofs(secret), clock)
        return cls(
            visits,
            AlbumVisits(visits, albums.sharing, albums.pages, accounts),
            ShareService(ShareStore(), database, cache, albums.sharing, base.events.outbox, passwords, clock),
        )


@dataclass(frozen=True, slots=True)
class CommentParts:
    comments: CommentService
    unread: UnreadService

    @classmethod
    def build(
        cls,
        base: Foundation,
        accounts: AccountService,
        attempts: Attempts,
        items: ItemService,
        albums: AlbumParts,
        cursors: Cursors,
    ) -> "CommentParts":
        store = CommentStore()
        events = CommentEvents(base.events.outbox, store)
        return cls(
            CommentService(
                store,
                base.database,
                base.cache,
                events,
                base.events.completed_requests,
                accounts,
                attempts,
                cursors,
                base.clock,
            ),
            UnreadService(store, base.cache, items, albums.shared_items),
        )
