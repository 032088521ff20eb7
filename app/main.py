"""The app's composition root: opens the clients, builds the services, hands them to the routes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypedDict

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.responses import JSONResponse

from app import health
from app.metrics import Metrics
from app.openapi import PROBLEM_RESPONSES, describe
from app.problem_answers import add_problem_answers
from app.readiness import Readiness
from app.request_frame import BodyLimit, Deadline, RequestFrame
from app.settings import Settings
from app.stores.aurora import Database

PREFIX = "/v1"
ROUTERS: tuple[APIRouter, ...] = ()


class Services(TypedDict):
    """What the routes find on `request.state`."""

    database: Database


class State(Services):
    readiness: Readiness
    metrics: Metrics


async def open_services(settings: Settings, stack: AsyncExitStack) -> Services:
    """Everything that is opened here is closed by the stack, in the opposite order."""
    database = Database(settings.database_url.get_secret_value())
    stack.push_async_callback(database.close)
    return Services(database=database)


def create_app(settings: Settings, readiness: Readiness | None = None) -> FastAPI:
    """The whole HTTP interface; nothing is opened before its lifespan begins."""
    metrics = Metrics()
    ready = readiness or Readiness()

    @asynccontextmanager
    async def lifespan(_application: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            services = await open_services(settings, stack)
            yield State(**services, readiness=ready, metrics=metrics)

    application = FastAPI(
        title="Darkroom",
        version="1",
        summary="Drop off a photo or a video, carry on, get called back when it is ready.",
        lifespan=lifespan,
        openapi_url=None,
        middleware=[Middleware(RequestFrame, metrics=metrics), Middleware(Deadline), Middleware(BodyLimit)],
    )
    add_problem_answers(application)
    application.include_router(health.router)
    for router in ROUTERS:
        application.include_router(router, prefix=PREFIX, responses=PROBLEM_RESPONSES)

    @application.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def get_description() -> JSONResponse:
        return JSONResponse(describe(application))

    return application
