"""The emulator's front door: answers health checks, and lets in programs that speak SQS or SNS, no web pages."""

from local.asgi import Application, Receive, Scope, Send, answer

HEALTH_PATHS = ("/healthz", "/readyz")


class Door:
    """The emulator allows every origin and has control paths that wipe its state; neither is for a page's eyes."""

    def __init__(self, inside: Application) -> None:
        self._inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
        elif scope["path"] in HEALTH_PATHS:
            await answer(send, 200)
        elif scope["path"].startswith("/_") and scope["path"] != "/__faults":
            await answer(send, 404)
        elif any(name == b"origin" for name, _ in scope["headers"]):
            await answer(send, 403)
        else:
            await self._inside(scope, receive, send)
