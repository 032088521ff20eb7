"""The web tier's composition root: page, forwarder and health routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from darkroom_process.health import health_routes
from darkroom_process.hosts import AllowedHosts, OwnHostsOnly
from darkroom_process.problem_response import ProblemResponse, refuse_host
from darkroom_process.readiness import Readiness
from darkroom_process.s3_address import origin_of, s3_address
from darkroom_shared.problems import Problem
from web.forwarding import Forwarder, Limits, State, open_transport
from web.metrics import ForwardingMetrics
from web.page import Page
from web.security_headers import SecurityHeaders, content_security_policy
from web.settings import Settings


@asynccontextmanager
async def lifespan(_application: FastAPI) -> AsyncIterator[State]:
    """Open the only connection pool to the app and close it after the last request."""
    async with open_transport() as transport:
        yield {"transport": transport}


def create_application(settings: Settings, readiness: Readiness, registry: CollectorRegistry) -> ASGIApp:
    """Build the whole tier as one ASGI application. `readiness.stopping` ends event streams."""
    limits = Limits(requests=settings.request_limit, streams=settings.stream_limit)
    application = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    application.add_exception_handler(Exception, _respond_internal_problem)
    application.router.routes.extend(health_routes(readiness))
    secret = settings.tier_secret_source()
    application.mount(
        "/v1", Forwarder(str(settings.app_url), limits, ForwardingMetrics(registry), readiness.stopping, secret)
    )
    application.mount("/", Page())
    objects = s3_address(
        bucket=settings.bucket, region=settings.aws_region, endpoint=settings.s3_public_endpoint
    ).bucket_origin
    policy = content_security_policy(origin_of(str(settings.cdn_url)), objects)
    hosts = AllowedHosts.parse(settings.allowed_hosts, settings.listen_host, settings.listen_port)
    return SecurityHeaders(OwnHostsOnly(application, hosts, refuse_host), policy=policy)


async def _respond_internal_problem(_request: Request, _error: Exception) -> ProblemResponse:
    return ProblemResponse(Problem())
