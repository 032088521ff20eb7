"""Find where a request's head ends, and check it for what the HTTP parser accepts but we refuse."""

import re

from darkroom_shared.problems import BadRequest, HeadTooLarge

MAX_HEAD_BYTES = 64 * 1024
"""From the first byte of the request line, or of an empty line before it, to the empty line that ends the head."""
HEAD_END = b"\r\n\r\n"
MAX_EMPTY_LINES = 64
"""Maximum in one packet with a part of a chunked body; see `next_end_of_chunks`."""

KNOWN_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
"""The web tier forwards no others, and metrics count all others as one."""

_REQUEST_LINE = re.compile(rb"(?:\r\n)?[A-Z-]+ [!-~]+ HTTP/1\.[01]\r\n")
"""With the empty line that old clients send after a body. The parser also accepts more empty lines, a bare CR or LF in
their place, more spaces, and RTSP and ICE.
"""
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""A name, an IPv4 address or an IPv6 address in brackets, with an optional port."""

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""


def check_start(data: bytes | bytearray, start: int, end: int) -> None:
    """Check the size and the request line of the head `data[start:end]`. Raises HeadTooLarge or BadRequest."""
    if end - start > MAX_HEAD_BYTES:
        raise HeadTooLarge
    if not _REQUEST_LINE.match(data, start, end):
        raise BadRequest("The request line is not a method, a target and HTTP/1.1 or HTTP/1.0.")


def check_head(http_version: str, target: bytes, headers: Headers, *, upgrade: bool) -> int | None:
    """Return the size of the body in bytes, or None if it is chunked. Raises BadRequest.

    The parser has checked the value of Content-Length. `upgrade`: the client proposes another protocol.
    """
    if not target.startswith(b"/") or b"#" in target:
        raise BadRequest("The request's target must be a path with an optional query.")
    host: bytes | None = None
    body_bytes: int | None = 0
    for name, value in headers:
        if name == b"host":
            if host is not None or not _HOST.fullmatch(value):
                raise BadRequest("A request must have exactly one valid Host.")
            host = value
        elif name == b"content-length":
            body_bytes = int(value)
        elif name == b"transfer-encoding":
            if http_version != "1.1" or value.lower() != b"chunked":
                raise BadRequest("The only transfer coding is chunked, in HTTP/1.1.")
            body_bytes = None
    if host is None:
        raise BadRequest("A request must have exactly one valid Host.")
    if upgrade and body_bytes != 0:  # the parser takes such a body as the next request
        raise BadRequest("A request that proposes another protocol must not have a body.")
    return body_bytes


def end_of_head(data: bytes, start: int, received: bytearray) -> int | None:
    """Return where the head ends in the packet `data`, or None if it does not end there.

    `received` contains the part of the head from earlier packets. If the head does not end here, the rest of the
    packet is appended to it.
    """
    if not received:
        at = data.find(HEAD_END, start)
        if at >= 0:
            check_start(data, start, at + len(HEAD_END))
            return at + len(HEAD_END)
    searched, earlier = max(0, len(received) - len(HEAD_END) + 1), len(received)
    received += memoryview(data)[start : start + MAX_HEAD_BYTES + 1]
    at = received.find(HEAD_END, searched) if earlier else -1
    if at < 0:
        if len(received) > MAX_HEAD_BYTES:
            raise HeadTooLarge
        return None
    check_start(received, 0, at + len(HEAD_END))
    received.clear()
    return start + at + len(HEAD_END) - earlier


def next_end_of_chunks(data: bytes, start: int) -> int:
    """Return the next place in the packet `data` where a chunked body may end: after an empty line.

    The empty line may have begun in the previous packet. A packet with more than MAX_EMPTY_LINES of them is passed on
    whole, because its pieces would cost too much; the protocol then refuses a request that begins in it.
    """
    if data.count(HEAD_END, start) > MAX_EMPTY_LINES:
        return len(data)
    if data.startswith((b"\n", b"\r\n"), start):
        return data.index(b"\n", start) + 1
    at = data.find(HEAD_END, start)
    return len(data) if at < 0 else at + len(HEAD_END)
