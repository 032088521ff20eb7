"""Build the services of share links and comments once per process."""

from dataclasses import dataclass

from app.accounts.limits import Attempts
from app.accounts.passwords import Passwords
from app.accounts.service import AccountService
from app.album_parts import AlbumParts
from app.albums.comment_events import CommentEvents
from app.albums.comment_store import CommentStore
from app.albums.comments import CommentService
from app.albums.share_store import ShareStore
from app.albums.shares import ShareService
from app.albums.store import AlbumStore
from app.albums.unread import UnreadService
from app.albums.visits import AlbumVisits
from app.items.cursor import Cursors
from app.items.service import ItemService
from app.services import Foundation
from app.sharing.link_store import LinkStore
from app.sharing.proofs import Proofs
from app.sharing.visits import VisitService


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
