"""The `X-Request-Id` of a request: one grammar for all tiers."""

import re
from collections.abc import Iterable

from darkroom_shared.ids import new_ulid

REQUEST_ID = b"x-request-id"

_FORMAT = re.compile(rb"[A-Za-z0-9._:-]{8,64}")


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the first well-formed id of the headers, whose names are in lower case, or a new one."""
    for name, value in headers:
        if name == REQUEST_ID and _FORMAT.fullmatch(value):
            return value
    return f"req_{new_ulid()}".encode()
