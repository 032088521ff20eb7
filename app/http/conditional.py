"""Conditional requests (RFC 9110, 13): the ETag of a version, If-Match and If-None-Match."""

import re
from typing import Annotated, AnyStr

from fastapi import Depends, Header

from darkroom_shared.problems import Outdated

_VERSION = re.compile(r'"(\d{1,9})(-[^"]*)?"')

IfNoneMatch = Annotated[str | None, Header()]


async def expected_version(if_match: Annotated[str | None, Header()] = None) -> int | None:
    """Return the version in If-Match: `"3"`, or a whole ETag of ours. None for `*` or no header. Raises Outdated."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = _VERSION.fullmatch(if_match.strip())
    if match is None:
        raise Outdated("If-Match names no version.")
    return int(match[1])


ExpectedVersion = Annotated[int | None, Depends(expected_version)]


def version_tag(version: int) -> str:
    """Return the ETag of a representation that only an edit changes."""
    return f'"{version}"'


def is_unchanged(tag: AnyStr, if_none_match: AnyStr | None) -> bool:
    """Return whether the client has the representation with this tag. Weak and strong tags are the same here, because
    proxies that compress make strong ones weak."""
    return if_none_match is not None and tag in if_none_match
