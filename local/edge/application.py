"""The edge as one ASGI application: checks the signature, asks the origin, passes on what it says."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import structlog

from local.asgi import Application, Receive, Scope, Send, wait_until_left
from local.edge.access import Gate
from local.edge.address import Address, read_address
from local.edge.answers import ClientDeaf, send_empty, send_end, send_error, send_piece, send_preflight, send_start
from local.edge.key_group import KeyGroup
from local.edge.origin import Origin, OriginAnswer, OriginDown, OriginSilent, origin_session
from local.edge.origin_signature import Credential
from local.edge.refusals import ACCESS_DENIED, BODY_GIVEN, METHOD_NOT_ALLOWED, Refused
from local.edge.settings import Settings
from shared.times import Clock, utc_now

HEALTH_PATHS: Final = (b"/healthz", b"/readyz")
_ASKED: Final = ("range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_PASSED_ON: Final = (
    "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-language", "content-length",
    "content-range", "content-type", "etag", "expires", "last-modified",
)  # fmt: skip

log = structlog.get_logger()


class EdgeApplication:
    """One bucket behind signed URLs. Nothing about a request is logged that could open anything."""

    def __init__(self, gate: Gate, origin: Origin) -> None:
        self._gate = gate
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await _while_client_stays(self._serve(scope, send), receive)
        except ClientDeaf:
            log.info("client.deaf", method=scope["method"])

    async def _serve(self, scope: Scope, send: Send) -> None:
        if scope["raw_path"] in HEALTH_PATHS:
            await send_empty(send)
            return
        headers = _readable_headers(scope)
        try:
            address = await self._allowed_address(scope, headers)
        except Refused as refused:
            await send_error(send, scope["method"], 403, refused.refusal.code, refused.refusal.message)
            return
        if scope["method"] == "OPTIONS":
            await send_preflight(send)
        else:
            await self._pass_on(scope["method"], address.key, headers, send)

    async def _allowed_address(self, scope: Scope, headers: Mapping[str, str]) -> Address:
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            raise Refused(METHOD_NOT_ALLOWED)
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            raise Refused(BODY_GIVEN)
        address = read_address(scope["raw_path"], scope["query_string"])
        await self._gate.look_for_keys(address)
        self._gate.require_allowed(address, viewer=scope["client"][0] if scope["client"] else "")
        return address

    async def _pass_on(self, method: str, key: str, headers: Mapping[str, str], send: Send) -> None:
        """The query stays here: S3 would take `response-content-type` and its like for orders."""
        asked = {name: headers[name] for name in _ASKED if name in headers}
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(
                    self._origin.ask("HEAD" if method == "HEAD" else "GET", key, asked)
                )
            except OriginDown:
                log.warning("origin.down")
                await send_error(send, method, 502, "BadGateway", "The origin could not be reached")
                return
            except OriginSilent:
                log.warning("origin.silent")
                await send_error(send, method, 504, "GatewayTimeout", "The origin did not answer in time")
                return
            if answer.status not in (200, 206, 304):
                await _send_failure(answer, method, send)
                return
            passed = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
            await send_start(send, answer.status, passed)
            try:
                async for piece in answer.pieces():
                    await send_piece(send, piece)
            except (OriginDown, OriginSilent) as error:
                log.warning("answer.broke_off", why=type(error).__name__)
                return  # uvicorn ends the connection, so that nobody takes this for the whole
        await send_end(send)


async def _send_failure(answer: OriginAnswer, method: str, send: Send) -> None:
    """An absent object looks like a forbidden one: CloudFront's own identity may read the bucket, but not list it."""
    match answer.status:
        case 403 | 404:
            if answer.status == 403:
                log.warning("origin.refused")
            await send_error(send, method, 403, ACCESS_DENIED.code, ACCESS_DENIED.message)
        case 412:
            message = "At least one of the pre-conditions you specified did not hold"
            await send_error(send, method, 412, "PreconditionFailed", message)
        case 416:
            size = {name: answer.headers[name] for name in ("content-range",) if name in answer.headers}
            await send_error(send, method, 416, "InvalidRange", "The requested range is not satisfiable", size)
        case 503:
            log.warning("origin.busy")
            await send_error(send, method, 503, "SlowDown", "The origin asks for fewer requests")
        case status:
            log.error("origin.failed", status=status)
            await send_error(send, method, 502, "BadGateway", "The origin gave no answer that could be passed on")


async def _while_client_stays(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Runs `work`, and cancels it when the client leaves: uvicorn drops what is sent after that, without a word."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(wait_until_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
    if working.cancelled():
        log.info("client.left")
    else:
        working.result()


def _readable_headers(scope: Scope) -> dict[str, str]:
    """Those in printable ASCII; no other value of those that we read means anything."""
    named = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return {name: value for name, value in named if value.isascii() and value.isprintable()}


@asynccontextmanager
async def open_application(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Application]:
    """Raises ValueError or OSError when the keys cannot be read at the start."""
    gate = Gate(settings.cdn_url, KeyGroup.read(settings.edge_keys_folder), clock)
    credential = Credential(
        settings.aws_access_key_id, settings.aws_secret_access_key.get_secret_value(), settings.aws_region
    )
    async with origin_session() as session:
        origin = Origin(session, settings.edge_origin, settings.bucket, credential, clock)
        log.info("server.ready", port=settings.listen_port)
        yield EdgeApplication(gate, origin)
