"""Serve the page: static files under a path that changes with their content, and two documents, the page's and the
share links'.

`/static/{version}/…` may be cached for ever, because the version is a digest of all files; the document that names
the version is revalidated at each load. So an upgrade takes effect at the next load, and no load mixes two versions.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Receive, Scope, Send

from darkroom_process.problem_response import send_problem
from darkroom_shared.problems import MethodNotAllowed
from web.session_cookie import HeaderList

FOLDER = Path(__file__).parent / "static"
DOCUMENT, SHARED_DOCUMENT = "index.html", "shared.html"
DOCUMENTS = frozenset({DOCUMENT, SHARED_DOCUMENT})
SHARED_PATH = "/s"
"""The page of a share link. No server sees the link's token: it is in the fragment, after `#`."""
VERSION_MARK = b"{version}"
PATHS_OF_THE_PAGE = re.compile(r"/|/sessions|/deleted|/items/itm_[0-9A-HJKMNP-TV-Z]{26}")
_STATIC = re.compile(r"/static/(?P<version>[0-9a-f]{16})/(?P<name>.+)")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_FOR_EVER = b"public, max-age=31536000, immutable"
_NO_CACHE = b"no-cache"
_NEVER = b"no-store"


@dataclass(frozen=True, slots=True)
class File:
    """A file in memory, plain and compressed."""

    content: bytes
    compressed: bytes
    content_type: bytes
    etag: bytes


class Page:
    """ASGI application that responds from memory; all files together are smaller than one photo."""

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = [path for path in sorted(folder.rglob("*")) if path.suffix in _TYPES]
        contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self.version = _digest(
            b"".join(name.encode() + _digest(content) for name, content in contents.items())
        ).decode()
        for name in DOCUMENTS & contents.keys():
            contents[name] = contents[name].replace(VERSION_MARK, self.version.encode())
        self._files = {name: _file(name, content) for name, content in contents.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await send_problem(send, MethodNotAllowed(), {"Allow": "GET, HEAD"})
            return
        file, status, cache_control = self._find(scope["path"])
        request = dict(scope["headers"])
        headers: HeaderList = [(b"etag", file.etag), (b"cache-control", cache_control), (b"vary", b"accept-encoding")]
        if status == 200 and file.etag in (tag.strip() for tag in request.get(b"if-none-match", b"").split(b",")):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        content = file.content
        if b"gzip" in request.get(b"accept-encoding", b""):
            content = file.compressed
            headers.append((b"content-encoding", b"gzip"))
        headers += [(b"content-type", file.content_type), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    def _find(self, path: str) -> tuple[File, int, bytes]:
        """Return the file, the status and the Cache-Control of a path. An unknown path gets the page, which reports
        it.
        """
        document = self._files[DOCUMENT]
        if path == SHARED_PATH:
            return self._files[SHARED_DOCUMENT], 200, _NO_CACHE
        if PATHS_OF_THE_PAGE.fullmatch(path):
            return document, 200, _NO_CACHE
        static = _STATIC.fullmatch(path)
        if static and static["name"] in self._files and static["name"] not in DOCUMENTS:
            # Another version is requested by a page from before or after an upgrade. It gets the current file, and
            # must not cache it.
            return self._files[static["name"]], 200, _FOR_EVER if static["version"] == self.version else _NEVER
        return document, 404, _NEVER


def _file(name: str, content: bytes) -> File:
    return File(
        content=content,
        compressed=gzip.compress(content, mtime=0),
        content_type=f"{_TYPES[Path(name).suffix]}; charset=utf-8".encode(),
        etag=b'W/"%s"' % _digest(content),  # weak: the plain and the compressed form share it
    )


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:16].encode()
