"""Refuse requests for other hosts and, if a secret is configured, requests that do not come from the web tier."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings
from darkroom_process.hosts import HEALTH_PATHS, AllowedHosts, OwnHostsOnly
from darkroom_process.problem_response import refuse_host, send_problem
from darkroom_process.secret_file import Secret
from darkroom_process.tier_headers import TIER_HEADER
from darkroom_shared.problems import Forbidden


def with_tier_check(application: ASGIApp, settings: Settings) -> ASGIApp:
    """Refuse other hosts and, if a secret is set, requests that did not come through the web tier."""
    hosts = AllowedHosts.parse(settings.allowed_hosts, settings.listen_host, settings.listen_port)
    if (secret := settings.tier_secret_source()) is not None:
        application = TierCheck(application, secret)
    return OwnHostsOnly(application, hosts, refuse_host)


class TierCheck:
    """Lets only the web tier's requests and health checks through: others could forge X-Forwarded-For."""

    def __init__(self, application: ASGIApp, secret: Secret) -> None:
        self._application, self._secret = application, secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH_PATHS or self._is_from_web(scope):
            await self._application(scope, receive, send)
        else:
            await send_problem(send, Forbidden("Requests come by the web tier."))

    def _is_from_web(self, scope: Scope) -> bool:
        presented = next((value for name, value in scope["headers"] if name == TIER_HEADER), b"")
        return self._secret.matches(presented)
