"""The edge as one ASGI application: it checks the signature, requests the object and forwards the response."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import structlog

from darkroom_process.asgi_types import Application, Receive, Scope, Send
from darkroom_process.hosts import HEALTH_PATHS
from darkroom_shared.times import Clock, utc_now
from local.asgi import wait_for_disconnect
from local.edge.access import AccessCheck
from local.edge.address import Address, read_address
from local.edge.errors import ACCESS_DENIED, BODY_NOT_ALLOWED, METHOD_NOT_ALLOWED, Refused
from local.edge.key_group import KeyGroup
from local.edge.origin import Origin, OriginResponse, OriginTimeout, OriginUnreachable, origin_session
from local.edge.origin_signature import Credential
from local.edge.responses import ClientStalled, send_empty, send_end, send_error, send_piece, send_preflight, send_start
from local.edge.settings import Settings

_FORWARDED_HEADERS: Final = (
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
)
_RESPONSE_HEADERS: Final = (
    "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-language", "content-length",
    "content-range", "content-type", "etag", "expires", "last-modified",
)  # fmt: skip

log = structlog.get_logger()


class EdgeApplication:
    """One bucket behind signed URLs. Logs contain nothing of a request that could give access."""

    def __init__(self, access: AccessCheck, origin: Origin) -> None:
        self._access = access
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await _while_client_stays(self._serve(scope, send), receive)
        except ClientStalled:
            log.info("client.stalled", method=scope["method"])

    async def _serve(self, scope: Scope, send: Send) -> None:
        if scope["path"] in HEALTH_PATHS:
            await send_empty(send)
            return
        headers = _readable_headers(scope)
        try:
            address = await self._allowed_address(scope, headers)
        except Refused as refused:
            await send_error(send, scope["method"], 403, refused.error.code, refused.error.message)
            return
        if scope["method"] == "OPTIONS":
            await send_preflight(send)
        else:
            await self._forward(scope["method"], address.key, headers, send)

    async def _allowed_address(self, scope: Scope, headers: Mapping[str, str]) -> Address:
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            raise Refused(METHOD_NOT_ALLOWED)
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            raise Refused(BODY_NOT_ALLOWED)
        address = read_address(scope["raw_path"], scope["query_string"])
        await self._access.load_keys(address)
        self._access.require_allowed(address, viewer=scope["client"][0] if scope["client"] else "")
        return address

    async def _forward(self, method: str, key: str, headers: Mapping[str, str], send: Send) -> None:
        """Forward without the query: S3 would interpret `response-content-type` and similar parameters."""
        forwarded = {name: headers[name] for name in _FORWARDED_HEADERS if name in headers}
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(
                    self._origin.request("HEAD" if method == "HEAD" else "GET", key, forwarded)
                )
            except OriginUnreachable:
                log.warning("origin.unreachable")
                await send_error(send, method, 502, "BadGateway", "The origin could not be reached")
                return
            except OriginTimeout:
                log.warning("origin.timeout")
                await send_error(send, method, 504, "GatewayTimeout", "The origin did not respond in time")
                return
            if response.status not in (200, 206, 304):
                await _send_failure(response, method, send)
                return
            response_headers = {name: response.headers[name] for name in _RESPONSE_HEADERS if name in response.headers}
            await send_start(send, response.status, response_headers)
            try:
                async for piece in response.pieces():
                    await send_piece(send, piece)
            except (OriginUnreachable, OriginTimeout) as error:
                log.warning("response.aborted", error=type(error).__name__)
                return  # uvicorn closes the connection, so that the client does not take this for the whole object
        await send_end(send)


async def _send_failure(response: OriginResponse, method: str, send: Send) -> None:
    """Report an absent object like a forbidden one: CloudFront's identity may read the bucket, but not list it."""
    match response.status:
        case 403 | 404:
            if response.status == 403:
                log.warning("origin.refused")
            await send_error(send, method, 403, ACCESS_DENIED.code, ACCESS_DENIED.message)
        case 412:
            message = "At least one of the pre-conditions you specified did not hold"
            await send_error(send, method, 412, "PreconditionFailed", message)
        case 416:
            size = {name: response.headers[name] for name in ("content-range",) if name in response.headers}
            await send_error(send, method, 416, "InvalidRange", "The requested range is not satisfiable", size)
        case 503:
            log.warning("origin.busy")
            await send_error(send, method, 503, "SlowDown", "The origin throttles requests")
        case status:
            log.error("origin.failed", status=status)
            await send_error(send, method, 502, "BadGateway", "The origin sent no response that could be forwarded")


async def _while_client_stays(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Run `work` and cancel it when the client disconnects: uvicorn silently drops everything sent after that."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(wait_for_disconnect(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
    if working.cancelled():
        log.info("client.disconnected")
    else:
        working.result()


def _readable_headers(scope: Scope) -> dict[str, str]:
    """Return the headers with printable ASCII values; no other value is valid for those that we read."""
    named = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return {name: value for name, value in named if value.isascii() and value.isprintable()}


@asynccontextmanager
async def open_application(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Application]:
    """Open the application. Raises ValueError or OSError if the keys cannot be read."""
    access = AccessCheck(settings.cdn_url, KeyGroup.read(settings.edge_keys_folder), clock)
    credential = Credential(
        settings.aws_access_key_id, settings.aws_secret_access_key.get_secret_value(), settings.aws_region
    )
    async with origin_session() as session:
        origin = Origin(session, settings.edge_origin, settings.bucket, credential, clock)
        log.info("server.ready", port=settings.listen_port)
        yield EdgeApplication(access, origin)
