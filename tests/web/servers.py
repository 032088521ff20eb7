"""Run real uvicorn servers on loopback for the web tier's tests, each in its own thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from prometheus_client import CollectorRegistry
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp

from darkroom_process.http_protocol import StrictHttpProtocol
from darkroom_process.readiness import Readiness
from web.main import create_application
from web.settings import Settings

CDN_URL = "http://127.0.0.1:18082"
OBJECTS_URL = "http://127.0.0.1:18081"
BUCKET = "darkroom"
REGION = "eu-central-1"
START_SECONDS = 60.0


@contextmanager
def serving(
    application: ASGIApp, *, http: type[StrictHttpProtocol] = StrictHttpProtocol, **options: object
) -> Iterator[str]:
    """Yield the base URL of the running server. The server stops at the end of the block."""
    config = uvicorn.Config(
        application,
        port=0,
        http=http,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        **options,  # type: ignore[arg-type]  # uvicorn's own options, passed through
    )
    with running_server(config) as url:
        yield url


@contextmanager
def running_server(config: uvicorn.Config) -> Iterator[str]:
    """Yield the base URL of a server with this configuration, which runs in its own thread."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert server.started, "the server did not start"
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving_web(
    app_url: str,
    readiness: Readiness | None = None,
    *,
    trusted_proxies: str = "127.0.0.1",
    allowed_hosts: str = "*",
    cdn_url: str = CDN_URL,
    objects_url: str | None = OBJECTS_URL,
    region: str = REGION,
    **settings: int,
) -> Iterator[str]:
    """Run the web tier in front of `app_url`. By default it trusts a proxy at 127.0.0.1, so tests can use `https`."""
    values = Settings(
        listen_port=1,
        allowed_hosts=allowed_hosts,
        app_url=AnyHttpUrl(app_url),
        cdn_url=AnyHttpUrl(cdn_url),
        s3_public_endpoint=objects_url,
        bucket=BUCKET,
        trusted_proxies="none",
        AWS_REGION=region,
        **settings,  # type: ignore[arg-type]  # limits, all integers
    )
    application = create_application(values, readiness or Readiness(), CollectorRegistry())
    with serving(application, server_header=False, proxy_headers=True, forwarded_allow_ips=trusted_proxies) as url:
        yield url
