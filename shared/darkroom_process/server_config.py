"""The uvicorn options of every server but the emulator's."""

from pathlib import Path

import uvicorn

from darkroom_process.asgi_types import Application
from darkroom_process.local_users import protocol_for

KEEP_ALIVE_SECONDS = 75
"""Longer than the load balancer's idle timeout (60 s); otherwise its clients get random 502 responses."""
BACKLOG = 2048


def server_config(
    application: Application,
    *,
    grace_seconds: int,
    host: str = "127.0.0.1",
    port: int = 0,
    lifespan: bool = False,
    trusted_proxies: str = "",
    max_requests: int | None = None,
    local_users: frozenset[int] | None = None,
    tls_certificate: Path | None = None,
    tls_key: Path | None = None,
) -> uvicorn.Config:
    """Return the options of a server; host and port are not used by one that serves on an open socket.

    When the server stops, requests have `grace_seconds` to finish. X-Forwarded-For and X-Forwarded-Proto are read only
    from `trusted_proxies`, addresses or networks separated by commas. Above `max_requests` a request gets 503. With
    `local_users` only programs of these users of this machine are served.
    """
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        http=protocol_for(local_users),
        ws="none",
        lifespan="on" if lifespan else "off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        backlog=BACKLOG,
        limit_concurrency=max_requests,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
        ssl_certfile=tls_certificate,
        ssl_keyfile=tls_key,
    )
