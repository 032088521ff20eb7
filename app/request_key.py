"""The identity of a request with an Idempotency-Key."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The caller's Idempotency-Key, and a digest of route and body, which must be the same for each use of the key."""

    key: str
    fingerprint: str


def fingerprint(route: str, body: bytes) -> str:
    return hashlib.sha256(route.encode() + b"\0" + body).hexdigest()
