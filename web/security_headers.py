"""Add the security headers to every response, errors included."""

import ipaddress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ONE_YEAR_SECONDS = 31_536_000


def content_security_policy(cdn_origin: str, objects_origin: str) -> str:
    """Allow scripts only from us, media from the CDN, uploads to the object store, and no framing.

    `media-src 'self'` is for browsers that read the playlists themselves, `blob:` for those that use Media Source
    Extensions.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' blob: data: {cdn_origin}",
            f"media-src 'self' blob: {cdn_origin}",
            f"connect-src 'self' {objects_origin} {cdn_origin}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _names_loopback(scope: Scope) -> bool:
    """Return whether the browser reached this server as its own machine. HSTS applies to all ports of a name: it would
    close every other local server that speaks http.
    """
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    name = host.removeprefix("[").partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class SecurityHeaders:
    """Pure ASGI middleware: it changes the head of a response, buffers nothing, and replaces headers of the same
    names.
    """

    def __init__(self, app: ASGIApp, *, policy: str) -> None:
        self._app = app
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"referrer-policy", b"no-referrer"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
        ]
        self._names = {name for name, _ in self._headers} | {b"strict-transport-security"}
        self._transport_security = (b"strict-transport-security", b"max-age=%d" % ONE_YEAR_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_secure = scope["scheme"] == "https" and not _names_loopback(scope)
        added = [*self._headers, self._transport_security] if is_secure else self._headers

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                remaining = [pair for pair in message.get("headers", ()) if pair[0].lower() not in self._names]
                message = {**message, "headers": [*remaining, *added]}
            await send(message)

        await self._app(scope, receive, send_secured)
