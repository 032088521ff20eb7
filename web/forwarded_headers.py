"""Select the headers that cross the web tier and add its own: bytes in, bytes out."""

from dataclasses import dataclass

from starlette.types import Scope

from darkroom_process.amazon_trace import AMAZON_TRACE, amazon_trace_of
from darkroom_process.request_id import REQUEST_ID, request_id_of
from darkroom_process.tier_headers import DEADLINE_HEADER
from darkroom_process.trace_context import TRACEPARENT, TraceContext
from web.session_cookie import HeaderList, authorized, cookie_name

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
_INTERNAL = frozenset({b"forwarded", DEADLINE_HEADER, b"x-real-ip", REQUEST_ID, TRACEPARENT})
_INTERNAL_PREFIXES = (b"x-forwarded-", b"x-darkroom-", b"x-amzn-")  # TIER_HEADER is one of them
_NOT_TO_THE_APP = _HOP_BY_HOP | _INTERNAL | {b"host", b"expect"}
_NOT_TO_THE_CLIENT = _HOP_BY_HOP | {b"server", b"date", REQUEST_ID}


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids of this request in the logs and traces of both tiers."""

    request_id: bytes
    trace: TraceContext
    continues_trace: bool
    """False if the request had no well-formed `traceparent`; then its `tracestate` does not count either."""
    amazon_trace: bytes | None = None
    """The balancer's."""

    def log_fields(self) -> dict[str, str]:
        """Return the ids under the names that both tiers log them by."""
        fields = {"request_id": self.request_id.decode()}
        return fields | {"amazon_trace": self.amazon_trace.decode()} if self.amazon_trace else fields


def identify(headers: HeaderList) -> Identity:
    """Reuse a well-formed `X-Request-Id` and the trace of a well-formed `traceparent`; generate what is missing."""
    parent = TraceContext.of(headers)
    trace = parent.child() if parent else TraceContext.create()
    return Identity(
        request_id_of(headers), trace, continues_trace=parent is not None, amazon_trace=amazon_trace_of(headers)
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
    if not identity.continues_trace:
        dropped |= {b"tracestate"}
    passed = [
        pair
        for pair in authorized(scope["method"], scope["scheme"], received)
        if pair[0] not in dropped and not pair[0].startswith(_INTERNAL_PREFIXES)
    ]
    passed += [
        (b"host", app_host),
        (REQUEST_ID, identity.request_id),
        (TRACEPARENT, identity.trace.header()),
        (b"x-forwarded-for", client.encode("latin-1")),
        (b"x-forwarded-proto", scope["scheme"].encode()),
        (b"x-darkroom-cookie", cookie_name(scope["scheme"], host).encode("latin-1")),
    ]
    if identity.amazon_trace:
        passed.append((AMAZON_TRACE, identity.amazon_trace))
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
