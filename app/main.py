"""The app's composition root: open the clients, build the services, pass them to the routes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Lifespan

from app.access.wiring import AccessParts, build_access
from app.accounts.routes import accounts as accounts_routes
from app.accounts.service.accounts import AccountService
from app.accounts.wiring import AccountServices, build_accounts, open_passwords
from app.admin import routes as admin_routes
from app.admin.wiring import AdminServices, build_overview
from app.albums.routes import albums as album_routes
from app.albums.routes import invitations as invitation_routes
from app.albums.routes import members as member_routes
from app.albums.routes import placements as placement_routes
from app.albums.routes import transfers as transfer_routes
from app.albums.routes.fast_path import AlbumFastPath
from app.albums.wiring import AlbumServices, build_albums
from app.comments import routes as comment_routes
from app.comments.wiring import CommentServices, build_comments
from app.events import routes as events_routes
from app.events.wiring import EventServices, open_event_services
from app.exports import routes as exports_routes
from app.exports.wiring import ExportServices, build_exports
from app.http.problem_responses import add_problem_responses
from app.http.request_context import BodyLimit, Deadline, ErrorBoundary, RequestContextMiddleware
from app.http.tier_check import with_tier_check
from app.items.routes import deletion as trash_routes
from app.items.routes import items as items_routes
from app.items.service.access import Grants
from app.items.wiring import ItemServices, build_items, open_delivery
from app.openapi import PROBLEM_RESPONSES, describe
from app.pagination import Cursors
from app.search import routes as search_routes
from app.search.wiring import SearchServices, build_search
from app.services import Foundation, open_foundation
from app.settings import Settings
from app.share_links.routes import share_links as share_routes
from app.share_links.routes import visitors as shared_routes
from app.share_links.wiring import ShareLinkServices, build_album_links, build_share_links
from app.status import routes as status_routes
from app.status.wiring import StatusServices, build_status
from app.stores.metrics import watch_stores
from darkroom_process.health import health_routes
from darkroom_process.metrics import RequestMetrics
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
    status_routes.router,
)


class State(
    AccountServices,
    ItemServices,
    AlbumServices,
    ShareLinkServices,
    CommentServices,
    ExportServices,
    SearchServices,
    EventServices,
    AdminServices,
    StatusServices,
):
    """The state of the lifespan, available to routes as `request.state`."""

    grants: Sequence[Grants]


async def open_services(
    settings: Settings, stack: AsyncExitStack, readiness: Readiness, registry: CollectorRegistry
) -> State:
    """Open all clients and build the services. The stack closes them in reverse order."""
    base = await open_foundation(settings, stack, utc_now)
    watch_stores(registry, base.database, base.cache, base.amazon.errors)
    secret = settings.secret_source()
    cursors, passwords = Cursors(secret), open_passwords(stack)
    delivery = await open_delivery(stack, settings=settings, clients=base.clients)
    account_services = build_accounts(settings=settings, clients=base.clients, events=base.events, passwords=passwords)
    await account_services["registration"].report_missing_administrator()
    item_services = build_items(
        clients=base.clients, parts=base.items, delivery=delivery, cursors=cursors, secret=secret
    )
    accounts, items = account_services["accounts"], item_services["items"]
    access = build_access(base=base, accounts=accounts, items=items)
    albums = _build_albums(base, access, accounts, item_services, cursors)
    return State(
        **account_services,
        **item_services,
        **albums,
        **build_share_links(
            base=base,
            access=access.access,
            accounts=accounts,
            pages=albums["album_pages"],
            passwords=passwords,
            secret=secret,
        ),
        **build_comments(base=base, accounts=accounts, items=items, shared_items=access.shared_items, cursors=cursors),
        **build_exports(base=base, delivery=delivery),
        **build_search(base=base, items=items, cursors=cursors),
        **await open_event_services(stack, clients=base.clients, events=base.events, stopping=readiness.stopping),
        **build_overview(base=base),
        **build_status(base=base),
        grants=access.grants,
    )


def _build_albums(
    base: Foundation, access: AccessParts, accounts: AccountService, items: ItemServices, cursors: Cursors
) -> AlbumServices:
    return build_albums(
        base=base,
        access=access,
        accounts=accounts,
        items=items["items"],
        representation=items["representation"],
        links=build_album_links(base=base),
        cursors=cursors,
    )


def create_app(settings: Settings, readiness: Readiness, registry: CollectorRegistry) -> ASGIApp:
    """Build the whole HTTP interface. Nothing is opened before the lifespan starts."""
    metrics = RequestMetrics(registry)
    return with_tier_check(with_middleware(create_api(settings, readiness, registry), metrics), settings)


def with_middleware(api: FastAPI, metrics: RequestMetrics) -> ASGIApp:
    """Wrap the API in the ASGI middleware outside of FastAPI, whose own layers cost more time than the fast path."""
    return RequestContextMiddleware(Deadline(AlbumFastPath(api)), metrics)


def create_api(settings: Settings, readiness: Readiness, registry: CollectorRegistry) -> FastAPI:
    """Build the FastAPI application. The caller must wrap it with `with_middleware`."""

    @asynccontextmanager
    async def lifespan(_application: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            yield await open_services(settings, stack, readiness, registry)

    api = create_routes(lifespan)
    api.router.routes.extend(health_routes(readiness))
    return api


def create_routes(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """Build the FastAPI application, which reads its services from the request's state."""
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
    for router in ROUTERS:
        api.include_router(router, prefix=PREFIX, responses=PROBLEM_RESPONSES)

    @api.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def get_description() -> JSONResponse:
        return JSONResponse(describe(api))

    return api
