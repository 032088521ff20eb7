"""Requests that every tier must refuse in the same way, and requests that every tier must accept."""

from darkroom_process.request_head import MAX_HEAD_BYTES

_START = b"GET /healthz HTTP/1.1\r\n"
_HOST = b"Host: 127.0.0.1\r\n"
_POST = b"POST /healthz HTTP/1.1\r\n" + _HOST


def _head(*lines: bytes) -> bytes:
    return _START + b"".join(line + b"\r\n" for line in (b"Host: 127.0.0.1", *lines)) + b"\r\n"


def _hosted(host: bytes) -> bytes:
    return _START + b"Host: " + host + b"\r\nConnection: close\r\n\r\n"


def _target(target: bytes, method: bytes = b"GET") -> bytes:
    return method + b" " + target + b" HTTP/1.1\r\n" + _HOST + b"\r\n"


def _head_of(size_bytes: int) -> bytes:
    return _head(b"X: " + b"x" * (size_bytes - len(_head(b"X: "))))


GOOD = _head(b"Connection: close")

ACCEPTED: dict[str, bytes] = {
    "plain": GOOD,
    "an empty line before the request": b"\r\n" + GOOD,
    "an empty line before the second request": _head() + b"\r\n" + GOOD,
    "a second request after a body": _head(b"Content-Length: 4") + b"\r\n\r\n" + GOOD,
    "a second request after a body in chunks": _head(b"Transfer-Encoding: chunked")
    + b"4\r\n\r\n\r\n\r\n0\r\n\r\n"
    + GOOD,
    "bytes after the last request": GOOD + b"\n\n",
    "Host with a port": _hosted(b"127.0.0.1:65535"),
    "Host with an IPv6 address": _hosted(b"[::1]"),
    "Host with an IPv6 address and a port": _hosted(b"[fe80::1:2]:8000"),
    "whitespace around values": _START + b"Host: \t127.0.0.1 \t\r\nConnection: close \r\n\r\n",
    "Expect: 100-continue without a body": _head(b"Expect: 100-continue", b"Connection: close"),
    "HTTP/1.0 with Host": b"GET /healthz HTTP/1.0\r\n" + _HOST + b"\r\n",
    "bytes above ASCII in a value": _head("X: für".encode(), b"Connection: close"),
    "a proposal of HTTP/2": _head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
}

BAD_HEADS: dict[str, bytes] = {
    "bare LF everywhere": GOOD.replace(b"\r\n", b"\n"),
    "bare LF after the request line": b"GET /healthz HTTP/1.1\n" + _HOST + b"\r\n",
    "bare LF after a field": _head(b"X: a\nY: b"),
    "bare LF at the end of the head": _START + _HOST + b"\n",
    "bare LF before the request": b"\n" + GOOD,
    "bare LF after an empty line": b"\r\n\n" + GOOD,
    "bare CR before the request": b"\r" + GOOD,
    "CR CR LF before the request": b"\r\r\n" + GOOD,
    "two empty lines before the request": b"\r\n\r\n" + GOOD,
    "space before the request": b" " + GOOD,
    "bare CR in a value": _head(b"X: a\rY: b"),
    "CR CR LF": _head(b"X: a\r"),
    "folded line": _head(b"X: a", b" b"),
    "folded line with a tab": _head(b"X: a", b"\tb"),
    "space before the first field": _START + b" " + _HOST + b"\r\n",
    "space before the colon": _head(b"X : a"),
    "tab before the colon": _head(b"X\t: a"),
    "no colon": _head(b"X"),
    "no name": _head(b": a"),
    "NUL in a value": _head(b"X: a\0b"),
    "NUL in a name": _head(b"X\0: a"),
    "control character in a value": _head(b"X: a\x01b"),
    "DEL in a value": _head(b"X: a\x7f"),
    "byte above ASCII in a name": _head(b"X\xe9: a"),
    "absolute form": _target(b"http://127.0.0.1/healthz"),
    "absolute form of another host": _target(b"http://other.test/healthz"),
    "authority form": _target(b"127.0.0.1:443", b"CONNECT"),
    "asterisk form": _target(b"*", b"OPTIONS"),
    "no slash": _target(b"healthz"),
    "fragment": _target(b"/healthz#part"),
    "byte above ASCII in the target": _target(b"/health\xe9"),
    "NUL in the target": _target(b"/health\0z"),
    "space in the target": _target(b"/health z"),
    "no Host": _START + b"\r\n",
    "no Host in HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "two Hosts": _head(b"Host: other.test"),
    "the same Host twice": _head(b"Host: 127.0.0.1"),
    "empty Host": _START + b"Host:\r\n\r\n",
    "two hosts in one Host": _START + b"Host: 127.0.0.1, other.test\r\n\r\n",
    "path in Host": _START + b"Host: 127.0.0.1/path\r\n\r\n",
    "user in Host": _START + b"Host: user@127.0.0.1\r\n\r\n",
    "list of names in Host": _hosted(b"a,b"),
    "two ports in Host": _hosted(b"a:b:c"),
    "long port in Host": _hosted(b"a:99999999"),
    "name as port in Host": _hosted(b"a:http"),
    "no port after a colon in Host": _hosted(b"a:"),
    "port without a name in Host": _hosted(b":80"),
    "IPv6 address without brackets in Host": _hosted(b"::1"),
    "open bracket in Host": _hosted(b"[::1"),
    "name in brackets in Host": _hosted(b"[name]"),
    "escape in Host": _hosted(b"a%2eb"),
    "two spaces before the target": b"GET  /healthz HTTP/1.1\r\n" + _HOST + b"\r\n",
    "two spaces before the version": b"GET /healthz  HTTP/1.1\r\n" + _HOST + b"\r\n",
    "tab in the request line": b"GET\t/healthz HTTP/1.1\r\n" + _HOST + b"\r\n",
    "space after the version": b"GET /healthz HTTP/1.1 \r\n" + _HOST + b"\r\n",
    "RTSP": b"GET /healthz RTSP/1.0\r\n" + _HOST + b"\r\n",
    "method of RTSP": b"OPTIONS /healthz RTSP/1.0\r\n" + _HOST + b"\r\n",
    "ICE": b"SOURCE /healthz ICE/1.0\r\n" + _HOST + b"\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "HTTP/0.9": b"GET /healthz HTTP/0.9\r\n" + _HOST + b"\r\n",
    "HTTP/1.2": b"GET /healthz HTTP/1.2\r\n" + _HOST + b"\r\n",
    "HTTP/2.0": b"GET /healthz HTTP/2.0\r\n" + _HOST + b"\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown method": _target(b"/healthz", b"BREW"),
    "method in lower case": _target(b"/healthz", b"get"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "two Content-Lengths": _POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "the same Content-Length twice": _POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "list in Content-Length": _POST + b"Content-Length: 1, 1\r\n\r\na",
    "sign in Content-Length": _POST + b"Content-Length: +1\r\n\r\na",
    "empty Content-Length": _POST + b"Content-Length:\r\n\r\na",
    "hexadecimal Content-Length": _POST + b"Content-Length: 0x1\r\n\r\na",
    "endless Content-Length": _POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\na",
    "Content-Length, then Transfer-Encoding": _POST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding, then Content-Length": _POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "unknown coding": _POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "unknown coding before chunked": _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "identity before chunked": _POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "nearly chunked": _POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "quoted chunked": _POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "vertical tab before chunked": _POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /healthz HTTP/1.0\r\n" + _HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "upgrade with a body": _POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\n" + b"abcd",
    "upgrade with chunks": _POST
    + b"Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}
"""Each gets a 400 response."""

LARGE_HEADS: dict[str, bytes] = {
    "one byte over 64 KiB": _head_of(MAX_HEAD_BYTES + 1),
    "a long target": _target(b"/healthz?" + b"x" * MAX_HEAD_BYTES),
    "many short fields": _head(*[b"X: y"] * (MAX_HEAD_BYTES // 4)),
    "endless space before a value": _head(b"X:" + b" " * (5 * MAX_HEAD_BYTES) + b"y"),
    "space before a value": _head(b"X:" + b" " * 3 * MAX_HEAD_BYTES + b"y"),
    "space after a value": _head(b"X: y" + b" " * 3 * MAX_HEAD_BYTES),
    "space before the target": b"GET " + b" " * MAX_HEAD_BYTES + b"/healthz HTTP/1.1\r\n" + _HOST + b"\r\n",
}
"""Each gets a 431 response."""

LARGEST_HEAD = _head_of(MAX_HEAD_BYTES)

_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"

BAD_SECOND_REQUESTS: dict[str, tuple[bytes, bytes]] = {
    f"{name} after {earlier}": (first, before + GOOD)
    for earlier, first in (
        ("a head", _head()),
        ("a body", _head(b"Content-Length: 4") + b"GET "),
        ("a body in chunks", _head(b"Transfer-Encoding: chunked") + b"8;x\r\na\r\n\r\nGET\r\n0;x\r\n\r\n"),
    )
    for name, before in (
        ("bare LF", b"\n"),
        ("bare CR", b"\r"),
        ("LF CR", b"\n\r"),
        ("two empty lines", b"\r\n\r\n"),
        ("bare LF in a line", b"\r\n\n"),
    )
}
"""A valid request, and one that gets a 400 response if it follows on the same connection."""

BAD_BODIES: dict[str, bytes] = {
    "bare LF after a chunk's size": _CHUNKED + b"1\na\r\n0\r\n\r\n",
    "bare LF after a chunk's extension": _CHUNKED + b"1;x\na\r\n0\r\n\r\n",
    "bare LF after a chunk": _CHUNKED + b"1\r\na\n0\r\n\r\n",
    "space after a chunk's size": _CHUNKED + b"1 \r\na\r\n0\r\n\r\n",
    "sign in a chunk's size": _CHUNKED + b"+1\r\na\r\n0\r\n\r\n",
    "prefix in a chunk's size": _CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "overflow of a chunk's size": _CHUNKED + b"f" * 17 + b"\r\na\r\n0\r\n\r\n",
    "longer than its size": _CHUNKED + b"1\r\nabc\r\n0\r\n\r\n",
    "trailer": _CHUNKED + b"1\r\na\r\n0\r\nX: y\r\n\r\n",
    "Host as trailer": _CHUNKED + b"1\r\na\r\n0\r\nHost: other.test\r\n\r\n",
}
"""Each gets a 400 response if the response has not started."""
