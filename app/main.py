"""The app's composition root: open the clients, build the services, pass them to the routes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypedDict

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from app import health
from app.access.service.access import SharingService
from app.accounts.routes import accounts as accounts_routes
from app.accounts.service.accounts import AccountService
from app.accounts.service.closing import ClosingService
from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import Passwords
from app.accounts.service.sessions import SessionService
from app.accounts.store.accounts import AccountStore
from app.admin import routes as admin_routes
from app.admin.overview import OverviewService
from app.album_parts import AlbumParts
from app.albums.routes import albums as album_routes
from app.albums.routes import invitations as invitation_routes
from app.albums.routes import members as member_routes
from app.albums.routes import placements as placement_routes
from app.albums.routes import transfers as transfer_routes
from app.albums.routes.fast_path import AlbumFastPath
from app.albums.service.albums import AlbumService
from app.albums.service.invitations import InvitationService
from app.albums.service.members import MemberService
from app.albums.service.moves import MoveService
from app.albums.service.pages import AlbumPages
from app.albums.service.placements import PlacementService
from app.albums.service.transfers import TransferService
from app.comments import routes as comment_routes
from app.comments.service.comments import CommentService
from app.comments.service.unread import UnreadService
from app.events import routes as events_routes
from app.events.service.log import EventLog
from app.events.service.stream import LiveEvents
from app.exports import routes as exports_routes
from app.exports.service.changes import ExportChanges
from app.exports.service.exports import ExportService
from app.exports.service.queueing import ExportQueue
from app.exports.store import ExportStore
from app.http.problem_responses import add_problem_responses
from app.http.request_context import BodyLimit, Deadline, ErrorBoundary, RequestContextMiddleware
from app.http.tier_check import with_tier_check
from app.identity import Authenticator
from app.items.deletion import routes as trash_routes
from app.items.deletion.service.trash import TrashService
from app.items.routes import items as items_routes
from app.items.service.access import Grants, OwnItems
from app.items.service.completion import CompletionService
from app.items.service.delivery import Delivery
from app.items.service.grants import PlaybackGrants
from app.items.service.items import ItemService
from app.items.service.key_watch import watching_keys
from app.items.service.maintenance import MaintenanceService
from app.items.service.playback import PlaybackService
from app.items.service.requests import Requests
from app.items.service.uploads import UploadService
from app.metrics import Metrics
from app.openapi import PROBLEM_RESPONSES, describe
from app.pagination import Cursors
from app.search import routes as search_routes
from app.search.service.search import SearchService
from app.search.store.search import SearchStore
from app.services import Foundation, open_foundation
from app.settings import Settings
from app.share_link_parts import CommentParts, VisitParts
from app.share_links.routes import share_links as share_routes
from app.share_links.routes import visitors as shared_routes
from app.share_links.service.album_visits import AlbumVisits
from app.share_links.service.share_links import ShareService
from app.share_links.service.visits import VisitService
from app.stores.cloudfront import UrlSigner
from darkroom_process.readiness import Readiness
from darkroom_shared.times import utc_now

PREFIX = "/v1"
ROUTERS: tuple[APIRouter, ...] = (
    accounts_routes.router,
    exports_routes.router,
    items_routes.router,
    trash_routes.router,
    album_routes.router,
    placement_routes.router,
    member_routes.router,
    transfer_routes.router,
    invitation_routes.router,
    share_routes.router,
    shared_routes.router,
    comment_routes.router,
    events_routes.router,
    search_routes.router,
    admin_routes.router,
)


class Services(TypedDict):
    """The state of the lifespan, available to routes as `request.state`."""

    accounts: AccountService
    sessions: SessionService
    closing: ClosingService
    forwarded_hops: int
    authenticator: Authenticator
    items: ItemService
    uploads: UploadService
    completion: CompletionService
    playback: PlaybackService
    exports: ExportService
    trash: TrashService
    search: SearchService
    grants: Sequence[Grants]
    sharing: SharingService
    albums: AlbumService
    album_pages: AlbumPages
    placements: PlacementService
    moves: MoveService
    members: MemberService
    transfers: TransferService
    invitations: InvitationService
    shares: VisitService
    album_shares: ShareService
    album_visits: AlbumVisits
    comments: CommentService
    unread: UnreadService
    event_log: EventLog
    live_events: LiveEvents
    overview: OverviewService


class State(Services):
    readiness: Readiness
    metrics: Metrics


async def open_services(settings: Settings, stack: AsyncExitStack, readiness: Readiness) -> Services:
    """Open all clients and build the services. The stack closes them in reverse order."""
    base = await open_foundation(settings, stack, utc_now)
    passwords, attempts = Passwords(), Attempts(base.signals.limits)
    stack.callback(passwords.close)
    accounts, sessions, closing = _build_accounts(settings, base, passwords, attempts)
    requests = Requests(base.items.store)
    delivery = await _open_delivery(settings, base, stack)
    items, playback = _build_items(settings, base, requests, delivery)
    secret = settings.secret.get_secret_value().encode()
    albums = AlbumParts.build(base, accounts, items, Cursors(secret))
    visits = VisitParts.build(base, accounts, passwords, attempts, albums, secret)
    comments = CommentParts.build(base, accounts, attempts, items, albums, Cursors(secret))
    live_events = await stack.enter_async_context(
        LiveEvents(base.events.log, base.events.store, base.signals.nudges, base.clock, readiness.stopping)
    )
    maintenance = MaintenanceService(
        base.items.store, base.items.changes, base.amazon.objects, base.items.queue, base.clock
    )
    return Services(
        accounts=accounts,
        sessions=sessions,
        closing=closing,
        forwarded_hops=settings.forwarded_hops,
        authenticator=sessions,
        items=items,
        uploads=UploadService(base.items.store, base.items.changes, requests, base.amazon.objects, base.clock),
        completion=CompletionService(
            base.items.store, base.items.changes, requests, base.amazon.objects, base.items.queue, base.clock
        ),
        playback=playback,
        exports=_build_exports(base, delivery),
        trash=TrashService(base.items.store, base.items.changes, base.clock),
        search=_build_search(settings, base, items),
        grants=(OwnItems(items), albums.shared_items),
        sharing=albums.sharing,
        albums=albums.albums,
        album_pages=albums.pages,
        placements=albums.placements,
        moves=albums.moves,
        members=albums.members,
        transfers=albums.transfers,
        invitations=albums.invitations,
        shares=visits.visits,
        album_shares=visits.shares,
        album_visits=visits.album_visits,
        comments=comments.comments,
        unread=comments.unread,
        event_log=base.events.log,
        live_events=live_events,
        overview=OverviewService(
            maintenance,
            base.events.relay,
            base.events.outbox_relay,
            base.amazon.queues,
            base.signals.presence,
            base.clock,
        ),
    )


def _build_accounts(
    settings: Settings, base: Foundation, passwords: Passwords, attempts: Attempts
) -> tuple[AccountService, SessionService, ClosingService]:
    store = AccountStore(base.database)
    accounts = AccountService(
        store, base.cache, passwords, attempts, settings.registration, base.clock, settings.first_account
    )
    closing = ClosingService(store, base.cache, passwords, attempts, base.events.log, base.clock)
    return accounts, SessionService(store, base.cache, passwords, attempts, base.clock), closing


async def _open_delivery(settings: Settings, base: Foundation, stack: AsyncExitStack) -> Delivery:
    signer = UrlSigner(settings.cdn_url, settings.cdn_key_id, settings.cdn_private_key.get_secret_value())
    delivery = Delivery(signer, base.clock)
    if settings.cdn_keys_file is not None:
        await stack.enter_async_context(watching_keys(settings.cdn_keys_file, settings.cdn_url, delivery))
    return delivery


def _build_items(
    settings: Settings, base: Foundation, requests: Requests, delivery: Delivery
) -> tuple[ItemService, PlaybackService]:
    secret = settings.secret.get_secret_value().encode()
    playback = PlaybackService(base.items.store, base.amazon.objects, delivery, PlaybackGrants(secret), base.clock)
    items = ItemService(
        base.items.store,
        base.items.changes,
        requests,
        base.amazon.objects,
        base.items.queue,
        delivery,
        playback,
        Cursors(secret),
        base.clock,
    )
    return items, playback


def _build_search(settings: Settings, base: Foundation, items: ItemService) -> SearchService:
    secret = settings.secret.get_secret_value().encode()
    return SearchService(items, SearchStore(base.database.readers), Cursors(secret))


def _build_exports(base: Foundation, delivery: Delivery) -> ExportService:
    store = ExportStore(base.amazon.dynamo)
    changes = ExportChanges(store, base.events.log)
    return ExportService(store, changes, ExportQueue(base.amazon.queues, changes, base.clock), delivery, base.clock)


def create_app(settings: Settings, readiness: Readiness) -> ASGIApp:
    """Build the whole HTTP interface. Nothing is opened before the lifespan starts."""
    metrics = Metrics()
    return with_tier_check(with_middleware(create_api(settings, readiness, metrics), metrics), settings)


def with_middleware(api: FastAPI, metrics: Metrics) -> ASGIApp:
    """Wrap the API in the ASGI middleware outside of FastAPI, whose own layers cost more time than the fast path."""
    return RequestContextMiddleware(Deadline(AlbumFastPath(api)), metrics)


def create_api(settings: Settings, readiness: Readiness, metrics: Metrics) -> FastAPI:
    """Build the FastAPI application. The caller must wrap it with `with_middleware`."""

    @asynccontextmanager
    async def lifespan(_application: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            services = await open_services(settings, stack, readiness)
            yield State(**services, readiness=readiness, metrics=metrics)

    api = FastAPI(
        title="Darkroom",
        version="1",
        summary="Drop off a photo or a video, carry on, get called back when it is ready.",
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,
        middleware=[Middleware(ErrorBoundary), Middleware(BodyLimit)],
    )
    add_problem_responses(api)
    api.include_router(health.router)
    for router in ROUTERS:
        api.include_router(router, prefix=PREFIX, responses=PROBLEM_RESPONSES)

    @api.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def get_description() -> JSONResponse:
        return JSONResponse(describe(api))

    return api
