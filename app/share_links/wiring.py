"""Build the services of share links."""

from typing import TypedDict

from app.access.service.access import AccessService
from app.accounts.service.accounts import AccountService
from app.accounts.service.passwords import Passwords
from app.albums.service.pages import AlbumPages
from app.services import Foundation
from app.share_links.service.album_links import AlbumLinks
from app.share_links.service.album_visits import AlbumVisits
from app.share_links.service.limits import UnlockAttempts
from app.share_links.service.open_links import OpenLinks
from app.share_links.service.proofs import Proofs
from app.share_links.service.reads import ShareReads
from app.share_links.service.share_links import ShareLinkService
from app.share_links.service.visits import VisitService
from app.share_links.store.links import ShareLinkStore
from app.share_links.store.visits import VisitStore
from darkroom_process.secret_file import Secret


class ShareLinkServices(TypedDict):
    """The state of routes."""

    shares: VisitService
    album_shares: ShareLinkService
    album_share_reads: ShareReads
    album_visits: AlbumVisits


def build_album_links(*, base: Foundation) -> AlbumLinks:
    """Return what the services of albums need of share links."""
    return AlbumLinks(store=ShareLinkStore(), outbox=base.events.outbox)


def build_share_links(
    *,
    base: Foundation,
    access: AccessService,
    accounts: AccountService,
    pages: AlbumPages,
    passwords: Passwords,
    secret: Secret,
) -> ShareLinkServices:
    store, database, cache = VisitStore(), base.database, base.cache
    links = OpenLinks(cache=cache, store=store, clock=base.clock)
    return ShareLinkServices(
        shares=VisitService(
            links=links,
            database=database,
            store=store,
            passwords=passwords,
            attempts=UnlockAttempts(base.signals.limits),
            proofs=Proofs(secret=secret, clock=base.clock),
        ),
        album_shares=ShareLinkService(
            cache=cache,
            access=access,
            store=ShareLinkStore(),
            outbox=base.events.outbox,
            passwords=passwords,
            clock=base.clock,
        ),
        album_share_reads=ShareReads(database=database, access=access, store=ShareLinkStore()),
        album_visits=AlbumVisits(links=links, access=access, pages=pages, accounts=accounts),
    )
