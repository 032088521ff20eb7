"""`GET /v1/albums/{album}` as plain ASGI: every view of an album begins with it, and FastAPI would add five
times its cost.

Any other request, and one without a bearer token, is passed to the application, which has a route of the same path.
Both build the response with the same function.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.schema.values import AlbumAccess
from app.albums.service.album_events import to_wire
from app.albums.service.albums import AlbumService
from app.http.conditional import is_unchanged
from app.http.problem_responses import logged_response
from app.http.request_context import ROUTE_TEMPLATE, ErrorBoundary
from app.identity import Authenticator
from darkroom_shared.ids import AlbumId
from darkroom_shared.problems import Problem, Unauthenticated

_ALBUM = re.compile(r"/v1/albums/(alb_[0-7][0-9A-HJKMNP-TV-Z]{25})").fullmatch
_TEMPLATE = "/v1/albums/{album}"
_BEARER = b"Bearer "
_MAX_CACHED = 1_000
"""Cached responses. Each has less than 1 KB, or 10 KB with a long description."""

RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class _SerializedAlbum:
    tag: bytes
    body: bytes
    headers: RawHeaders
    unchanged: RawHeaders


class AlbumFastPath:
    """Middleware outside FastAPI, so it has its own error boundary."""

    def __init__(self, application: ASGIApp) -> None:
        self._application, self._fast = application, ErrorBoundary(_respond_fast)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._fast if _is_plain(scope) else self._application
        await path(scope, receive, send)


def _is_plain(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or not _ALBUM(scope["path"]):
        return False
    headers = dict(scope["headers"])
    return headers.get(b"authorization", b"").startswith(_BEARER) and b"darkroom-share" not in headers


async def _respond_fast(scope: Scope, receive: Receive, send: Send) -> None:
    scope[ROUTE_TEMPLATE] = _TEMPLATE
    headers = dict(scope["headers"])
    token, album = headers[b"authorization"].removeprefix(_BEARER), scope["path"].rpartition("/")[2]
    try:
        access = await _access(scope, token.decode("latin-1"), AlbumId(album))
    except Problem as problem:
        await logged_response(problem)(scope, receive, send)
        return
    status, raw_headers, body = _respond(access, headers.get(b"if-none-match"))
    await send({"type": "http.response.start", "status": status, "headers": list(raw_headers)})
    await send({"type": "http.response.body", "body": body})


async def _access(scope: Scope, token: str, album: AlbumId) -> AlbumAccess:
    """Return the caller's access to the album. Raises Unauthenticated, NotFound."""
    authenticator: Authenticator = scope["state"]["authenticator"]
    albums: AlbumService = scope["state"]["albums"]
    caller = await authenticator.authenticate(token.strip())
    if caller is None:
        raise Unauthenticated
    return await albums.require(caller.account_id, album)


def album_response(access: AlbumAccess, if_none_match: str | None) -> Response:
    """Return the album, or 304 if the client has this version."""
    status, raw_headers, body = _respond(access, if_none_match.encode("latin-1") if if_none_match else None)
    response = Response(body, status)
    response.raw_headers = list(raw_headers)
    return response


def tag_of(access: AlbumAccess) -> str:
    """Return the ETag: first the version that If-Match compares, then all else that changes the representation."""
    return f'"{access.album.version}-{access.album.items_version}-{access.role}"'


def _respond(access: AlbumAccess, if_none_match: bytes | None) -> tuple[int, RawHeaders, bytes]:
    serialized = _serialize(access)
    if if_none_match is not None and is_unchanged(serialized.tag, if_none_match):
        return 304, serialized.unchanged, b""
    return 200, serialized.headers, serialized.body


@lru_cache(maxsize=_MAX_CACHED)
def _serialize(access: AlbumAccess) -> _SerializedAlbum:
    """The cache key has all inputs, so an entry is never outdated."""
    tag, body = tag_of(access).encode(), to_wire(access.album, access.role).model_dump_json().encode()
    unchanged = ((b"etag", tag), (b"cache-control", b"private, no-cache"))
    content = ((b"content-length", str(len(body)).encode()), (b"content-type", b"application/json"))
    return _SerializedAlbum(tag, body, content + unchanged, unchanged)
