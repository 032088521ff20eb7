"""The `X-Amzn-Trace-Id` of a request, which AWS's balancers set: it leads from a line of their logs to ours."""

import re
from collections.abc import Iterable

AMAZON_TRACE = b"x-amzn-trace-id"

_FIELD = rb"[A-Za-z]{1,16}=[A-Za-z0-9:-]{1,64}"
_FORMAT = re.compile(rb"%b(?:;%b){0,5}" % (_FIELD, _FIELD))


def amazon_trace_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return the value of the only such header, whose names are in lower case; None if it is not well-formed."""
    values = [value for name, value in headers if name == AMAZON_TRACE]
    return values[0] if len(values) == 1 and _FORMAT.fullmatch(values[0]) else None
