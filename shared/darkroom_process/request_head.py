"""Check a request's head for what the HTTP parser accepts but we refuse."""

import re

from darkroom_shared.problems import BadRequest, HeadTooLarge

MAX_HEAD_BYTES = 64 * 1024
"""Sum of target, names and values, plus 4 bytes for the separators of each field."""

_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]+")
_VERSIONS = ("1.1", "1.0")

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""


def check_head(http_version: str, target: bytes, headers: Headers, *, upgrade: bool) -> None:
    """Raise HeadTooLarge or BadRequest. `upgrade`: the client proposes another protocol."""
    if len(target) + sum([len(name) + len(value) + 4 for name, value in headers]) > MAX_HEAD_BYTES:
        raise HeadTooLarge
    if http_version not in _VERSIONS:
        raise BadRequest("The version is neither HTTP/1.1 nor HTTP/1.0.")
    if not target.startswith(b"/") or b"#" in target:
        raise BadRequest("The request's target must be a path with an optional query.")
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise BadRequest("A request must have exactly one valid Host.")
    for name, value in headers:
        if name == b"transfer-encoding" and (http_version != "1.1" or value.lower() != b"chunked"):
            raise BadRequest("The only transfer coding is chunked, in HTTP/1.1.")
        if upgrade and (name == b"transfer-encoding" or (name == b"content-length" and value != b"0")):
            # The parser takes such a body as the next request.
            raise BadRequest("A request that proposes another protocol must not have a body.")
