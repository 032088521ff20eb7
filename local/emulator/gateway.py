"""The emulator's entry point: it responds to health checks and accepts only our own signed requests for SQS and SNS."""

from darkroom_process.asgi_types import Application, Receive, Scope, Send
from darkroom_process.hosts import AllowedHosts, OwnHostsOnly
from local.asgi import send_response
from local.signatures import Verifier
from local.signed_requests import SignedRequestsOnly, is_health_check, refuse_host


class Gateway:
    """Protects the emulator, which checks no signature, allows every origin and has control paths that delete its
    state.
    """

    def __init__(self, inside: Application, verifier: Verifier, hosts: AllowedHosts) -> None:
        self._inside = inside
        self._checked = OwnHostsOnly(SignedRequestsOnly(self._enter, verifier), hosts, refuse_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._checked(scope, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_health_check(scope):
            await send_response(send, 200)
        elif scope["type"] == "http" and scope["path"].startswith("/_") and scope["path"] != "/__faults":
            await send_response(send, 404)
        else:
            await self._inside(scope, receive, send)
