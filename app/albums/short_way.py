"""The album itself as plain ASGI: every look begins with it, and FastAPI would cost five times what the answer does.

Whatever is not plainly `GET /v1/albums/{album}` with a bearer token goes the usual way, to the route of the same path;
both answer by the same function.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.albums.news import shown
from app.albums.service import AlbumService
from app.caller import Authenticator
from app.problem_answers import answer_logged
from app.request_frame import CrashNet
from app.sharing.values import Standing
from shared.ids import AlbumId
from shared.problems import Problem, Unauthenticated

_ALBUM = re.compile(r"/v1/albums/(alb_[0-7][0-9A-HJKMNP-TV-Z]{25})").fullmatch
_BEARER = b"Bearer "
_REMEMBERED = 1_000
"""Answers; each of less than 1 KB, or 10 KB where somebody described the album at length."""

RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class _Written:
    tag: bytes
    body: bytes
    headers: RawHeaders
    unchanged: RawHeaders


class AlbumShortWay:
    """Stands outside of FastAPI, so it has a net of its own."""

    def __init__(self, application: ASGIApp) -> None:
        self._application, self._short = application, CrashNet(_answer_shortly)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way = self._short if _is_plain(scope) else self._application
        await way(scope, receive, send)


def _is_plain(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or not _ALBUM(scope["path"]):
        return False
    headers = dict(scope["headers"])
    return headers.get(b"authorization", b"").startswith(_BEARER) and b"darkroom-share" not in headers


async def _answer_shortly(scope: Scope, receive: Receive, send: Send) -> None:
    headers = dict(scope["headers"])
    token, album = headers[b"authorization"].removeprefix(_BEARER), scope["path"].rpartition("/")[2]
    try:
        standing = await _standing(scope, token.decode("latin-1"), AlbumId(album))
    except Problem as problem:
        await answer_logged(problem)(scope, receive, send)
        return
    status, raw_headers, body = _answer(standing, headers.get(b"if-none-match"))
    await send({"type": "http.response.start", "status": status, "headers": list(raw_headers)})
    await send({"type": "http.response.body", "body": body})


async def _standing(scope: Scope, token: str, album: AlbumId) -> Standing:
    """Raises Unauthenticated, NotFound."""
    authenticator: Authenticator = scope["state"]["authenticator"]
    albums: AlbumService = scope["state"]["albums"]
    caller = await authenticator.authenticate(token.strip())
    if caller is None:
        raise Unauthenticated
    return await albums.require(caller.account_id, album)


def album_answer(standing: Standing, if_none_match: str | None) -> Response:
    """The album, or 304 for whoever has it."""
    status, raw_headers, body = _answer(standing, if_none_match.encode("latin-1") if if_none_match else None)
    response = Response(body, status)
    response.raw_headers = list(raw_headers)
    return response


def tag_of(standing: Standing) -> str:
    """The ETag: first the version that If-Match speaks of, then whatever else changes what is shown."""
    return f'"{standing.album.version}-{standing.album.items_version}-{standing.role}"'


def _answer(standing: Standing, if_none_match: bytes | None) -> tuple[int, RawHeaders, bytes]:
    written = _written(standing)
    if if_none_match is not None and written.tag in if_none_match:
        return 304, written.unchanged, b""
    return 200, written.headers, written.body


@lru_cache(maxsize=_REMEMBERED)
def _written(standing: Standing) -> _Written:
    """Remembered by all that goes into it, so it is never old."""
    tag, body = tag_of(standing).encode(), shown(standing.album, standing.role).model_dump_json().encode()
    unchanged = ((b"etag", tag), (b"cache-control", b"private, no-cache"))
    content = ((b"content-length", str(len(body)).encode()), (b"content-type", b"application/json"))
    return _Written(tag, body, content + unchanged, unchanged)
