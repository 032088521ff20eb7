"""Select the headers that cross the web tier and add its own: bytes in, bytes out."""

import re
import secrets
from dataclasses import dataclass

from starlette.types import Scope

from darkroom_shared.ids import new_ulid
from web.session_cookie import HeaderList, authorized, cookie_name

REQUEST_ID = b"x-request-id"
TIER_HEADER = b"x-darkroom-tier"
"""Carries the secret by which the app recognises this tier. Headers with its prefix are dropped from client requests.
"""
_REQUEST_ID_FORM = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_TRACEPARENT_FORM = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]")

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_INTERNAL = frozenset({b"forwarded", b"x-deadline", b"x-real-ip", REQUEST_ID, b"traceparent"})
_INTERNAL_PREFIXES = (b"x-forwarded-", b"x-darkroom-", b"x-amzn-")
_NOT_TO_THE_APP = _HOP_BY_HOP | _INTERNAL | {b"host", b"expect"}
_NOT_TO_THE_CLIENT = _HOP_BY_HOP | {b"server", b"date", REQUEST_ID}


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids of this request in the logs and traces of both tiers."""

    request_id: bytes
    traceparent: bytes


def identify(headers: HeaderList) -> Identity:
    """Reuse a well-formed `X-Request-Id` and the trace of a well-formed `traceparent`; generate what is missing."""
    request_id, trace = b"", b""
    for name, value in headers:
        if name == REQUEST_ID and _REQUEST_ID_FORM.fullmatch(value):
            request_id = value
        elif name == b"traceparent" and _TRACEPARENT_FORM.fullmatch(value):
            trace = value[3:35]
    return Identity(
        request_id or new_ulid().encode(),
        b"00-%s-%s-01" % (trace or secrets.token_hex(16).encode(), secrets.token_hex(8).encode()),
    )


def headers_for_app(scope: Scope, identity: Identity, app_host: bytes) -> HeaderList:
    """Return the request headers for the app. Raises CrossSite if the session cookie must not count (see
    session_cookie).
    """
    received: HeaderList = list(scope["headers"])
    host = next((value for name, value in received if name == b"host"), b"").decode("latin-1")
    client = scope["client"][0] if scope["client"] else ""
    chunked = any(name == b"transfer-encoding" for name, _ in received)
    dropped = _NOT_TO_THE_APP | _named_in_connection(received)
    passed = [
        pair
        for pair in authorized(scope["method"], scope["scheme"], received)
        if pair[0] not in dropped and not pair[0].startswith(_INTERNAL_PREFIXES)
    ]
    passed += [
        (b"host", app_host),
        (REQUEST_ID, identity.request_id),
        (b"traceparent", identity.traceparent),
        (b"x-forwarded-for", client.encode("latin-1")),
        (b"x-forwarded-proto", scope["scheme"].encode()),
        (b"x-darkroom-cookie", cookie_name(scope["scheme"], host).encode("latin-1")),
    ]
    return [*passed, (b"transfer-encoding", b"chunked")] if chunked else passed


def headers_for_client(response_headers: HeaderList, identity: Identity) -> HeaderList:
    """Return the headers of the app's response that the client receives."""
    lowered = [(name.lower(), value) for name, value in response_headers]
    dropped = _NOT_TO_THE_CLIENT | _named_in_connection(lowered)
    return [*(pair for pair in lowered if pair[0] not in dropped), (REQUEST_ID, identity.request_id)]


def _named_in_connection(headers: HeaderList) -> set[bytes]:
    """Return the header names that `Connection` declares hop-by-hop, except those that frame the body or identify the
    caller.
    """
    named = {option.strip().lower() for name, value in headers if name == b"connection" for option in value.split(b",")}
    return named - {b"content-length", b"host", b"authorization", b"cookie"}
