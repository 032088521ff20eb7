"""Refuse requests whose Host is not ours: they come from a page whose name was rebound to our address (DNS
rebinding).
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from darkroom_process.hosts import AllowedHosts
from darkroom_process.problem_response import send_problem
from darkroom_shared.problems import BadRequest


class OwnHostsOnly:
    def __init__(self, app: ASGIApp, hosts: AllowedHosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._hosts.allows(scope["headers"], scope["path"]):
            await self._app(scope, receive, send)
        else:
            await send_problem(send, BadRequest("This host is not served here."))
