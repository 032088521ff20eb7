"""Build the services of share links and comments once per process."""

from dataclasses import dataclass

from app.accounts.limits import Attempts
from app.accounts.passwords import Passwords
from app.accounts.service import AccountService
from app.album_parts import AlbumParts
from app.albums.store import AlbumStore
from app.comments.events import CommentEvents
from app.comments.service import CommentService
from app.comments.store import CommentStore
from app.comments.unread import UnreadService
from app.items.service import ItemService
from app.pagination import Cursors
from app.services import Foundation
from app.share_links.album_visits import AlbumVisits
from app.share_links.proofs import Proofs
from app.share_links.service import ShareService
from app.share_links.store import ShareStore
from app.share_links.visit_store import LinkStore
from app.share_links.visits import VisitService


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
            ShareService(
                ShareStore(), database, cache, AlbumStore(), albums.sharing, base.events.outbox, passwords, clock
            ),
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
