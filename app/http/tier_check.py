"""Refuse requests for other hosts and, if a secret is configured, requests that do not come from the web tier."""

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings
from darkroom_process.hosts import HEALTH_PATHS, AllowedHosts
from darkroom_process.problem_response import send_problem
from darkroom_shared.problems import BadRequest, Forbidden, Problem

TIER_HEADER = b"x-darkroom-tier"
"""The web tier removes this header from clients' requests."""


def with_tier_check(application: ASGIApp, settings: Settings) -> ASGIApp:
    hosts = AllowedHosts.parse(settings.allowed_hosts, settings.listen_host, settings.listen_port)
    secret = settings.tier_secret
    return TierCheck(application, hosts, secret.get_secret_value() if secret else None)


class TierCheck:
    """The outermost middleware: X-Forwarded-For can be trusted only in requests from the web tier."""

    def __init__(self, application: ASGIApp, hosts: AllowedHosts, secret: str | None) -> None:
        self._application, self._hosts = application, hosts
        self._secret = secret.encode() if secret else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._problem(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._application(scope, receive, send)
        else:
            await send_problem(send, problem)

    def _problem(self, scope: Scope) -> Problem | None:
        if not self._hosts.allows(scope["headers"], scope["path"]):
            return BadRequest("This host is not served here.")
        if self._secret is None or scope["path"] in HEALTH_PATHS:
            return None
        presented = next((value for name, value in scope["headers"] if name == TIER_HEADER), b"")
        return None if hmac.compare_digest(presented, self._secret) else Forbidden("Requests come by the web tier.")
