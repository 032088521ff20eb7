"""The session cookie, which only the web tier reads; the web tier also chooses its name."""

import re
from typing import Annotated

from fastapi import Depends, Request, Response

NAME_HEADER = "X-Darkroom-Cookie"
HOST_COOKIE = "__Host-darkroom"
MAX_COOKIE_SECONDS = 400 * 24 * 60 * 60
"""The maximum that browsers allow (RFC 6265bis, 5.5). The database decides when a session ends."""

_LOOPBACK_NAME = re.compile(r"darkroom_\d{1,5}")


def cookie_name(request: Request) -> str:
    """Return `darkroom_<port>` for plain HTTP on loopback, else `__Host-darkroom`. Other names are ignored."""
    name = request.headers.get(NAME_HEADER, "")
    return name if _LOOPBACK_NAME.fullmatch(name) else HOST_COOKIE


CookieName = Annotated[str, Depends(cookie_name)]


def set_session_cookie(response: Response, name: str, token: str) -> None:
    _set(response, name, token, MAX_COOKIE_SECONDS)


def clear_session_cookie(response: Response, name: str) -> None:
    _set(response, name, "", 0)


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    secure = name == HOST_COOKIE
    response.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")
