"""Turn the session cookie into a bearer token, and refuse cookie requests that another site caused.

The app sets and clears the cookie (Set-Cookie is forwarded unchanged). The name it must use depends on how the
browser reached us, so every forwarded request carries `X-Darkroom-Cookie: <name>` and `X-Forwarded-Proto:
http|https`. A name that begins with `__Host-` requires `Secure`; the loopback name must not have it.
"""

import re

from darkroom_shared.problems import CrossSite

HOST_COOKIE = "__Host-darkroom"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HeaderList = list[tuple[bytes, bytes]]
"""Header names in lower case, as in ASGI."""

_LOOPBACK = re.compile(r"localhost|[a-z0-9.-]+\.localhost|127(\.\d{1,3}){3}|\[::1\]")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]+)(:(?P<port>\d{1,5}))?")
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/=-]{1,512}")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def cookie_name(scheme: str, host: str) -> str:
    """Return `__Host-darkroom`, or `darkroom_<port>` on plain http to loopback, because cookies ignore ports."""
    matched = _HOST.fullmatch(host.lower())
    if scheme == "http" and matched and _LOOPBACK.fullmatch(matched["name"]):
        return f"darkroom_{matched['port'] or _DEFAULT_PORTS[scheme]}"
    return HOST_COOKIE


def authorized(method: str, scheme: str, headers: HeaderList) -> HeaderList:
    """Return the headers without cookies; ours becomes `authorization` unless the client sent that header.

    Raises CrossSite if an unsafe method relies on the cookie and nothing proves that our own page sent it.
    """
    remaining = [(name, value) for name, value in headers if name != b"cookie"]
    if any(name == b"authorization" for name, _ in headers):
        return remaining
    host = _value(headers, b"host")
    cookie = _cookie(headers, cookie_name(scheme, host).encode())
    if cookie is None:
        return remaining
    if method not in SAFE_METHODS and not _same_origin(scheme, host, headers):
        raise CrossSite("A request with the session cookie must come from Darkroom's own page.")
    if not _TOKEN.fullmatch(cookie):
        return remaining
    return [*remaining, (b"authorization", b"Bearer " + cookie)]


def _same_origin(scheme: str, host: str, headers: HeaderList) -> bool:
    if _value(headers, b"sec-fetch-site") == "same-origin":
        return True
    origin = _value(headers, b"origin").lower()
    return origin == f"{scheme}://{_without_default_port(scheme, host.lower())}"


def _without_default_port(scheme: str, host: str) -> str:
    return host.removesuffix(f":{_DEFAULT_PORTS[scheme]}") if scheme in _DEFAULT_PORTS else host


def _cookie(headers: HeaderList, cookie_name: bytes) -> bytes | None:
    for name, value in headers:
        if name == b"cookie":
            for pair in value.split(b";"):
                key, equals, content = pair.strip().partition(b"=")
                if equals and key == cookie_name:
                    return content.strip(b'"')
    return None


def _value(headers: HeaderList, header_name: bytes) -> str:
    """Return the header's only value; empty if it is absent or repeated, because two readers could pick different
    values.
    """
    values = [value for name, value in headers if name == header_name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
