"""AWS Signature Version 4: what all services share, and requests signed in their headers.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Standard library only, because the emulator's interpreter has nothing else.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, unquote

from darkroom_process.asgi_types import Scope
from local.session_tokens import HEADER, has_ended

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
MAX_SKEW = timedelta(minutes=5)  # of AWS's services except S3


def sign(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=16)
def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, TERMINATOR):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def text_to_sign(date: str, scope: str, canonical: bytes) -> str:
    return "\n".join((ALGORITHM, date, scope, hashlib.sha256(canonical).hexdigest()))


def read_fields(authorization: str) -> dict[str, str] | None:
    """Return the fields after the algorithm; None if one of the three is missing."""
    fields = dict(part.strip().partition("=")[::2] for part in authorization.split(","))
    return fields if {"Credential", "SignedHeaders", "Signature"} <= fields.keys() else None


def canonical_request(
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    signed_headers: tuple[str, ...],
    payload: str,
) -> bytes:
    """Build the canonical request. `path` is already escaped; `query` is not."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    text = "&".join(f"{name}={value}" for name, value in pairs)
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed_headers)
    # Headers are latin-1 (ASGI's bytes), everything else here is ASCII.
    return "\n".join((method, path, text, lines, ";".join(signed_headers), payload)).encode("latin-1")


class NotSigned(Exception):
    """The request is not signed by us. `code` is AWS's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class UnverifiedSignature:
    """The signature fields of a request's headers."""

    headers: Mapping[str, str]
    date: str
    scope: str
    key: bytes
    signed_headers: tuple[str, ...]
    signature: str


@dataclass(frozen=True, slots=True)
class Verifier:
    """Accepts requests signed in their headers, body included, for one of `services`."""

    access_key_id: str
    secret_access_key: str
    services: frozenset[str]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def read_signature(self, scope: Scope) -> UnverifiedSignature:
        """Check everything that can be checked before the body has arrived. Raises NotSigned."""
        headers = _joined(scope["headers"])
        algorithm, _, rest = headers.get("authorization", "").partition(" ")
        if not algorithm:
            raise NotSigned("MissingAuthenticationTokenException", "Request is missing Authentication Token")
        fields = read_fields(rest)
        if algorithm != ALGORITHM or fields is None:
            raise NotSigned("IncompleteSignatureException", f"Authorization is not of the form {ALGORITHM}")
        access_key_id, _, credential_scope = fields["Credential"].partition("/")
        if not hmac.compare_digest(access_key_id.encode(), self.access_key_id.encode()):
            raise NotSigned("UnrecognizedClientException", "The security token included in the request is invalid")
        if has_ended(headers.get(HEADER), self.clock()):
            raise NotSigned("ExpiredTokenException", "The security token included in the request is expired")
        date, signed = headers.get("x-amz-date", ""), tuple(fields["SignedHeaders"].split(";"))
        self._require_fresh(date)
        _require_covered(headers, signed)
        key = self._key(credential_scope, date)
        return UnverifiedSignature(headers, date, credential_scope, key, signed, fields["Signature"])

    def require_signed(self, unverified: UnverifiedSignature, scope: Scope, body: bytes) -> None:
        """Raises NotSigned unless the signature covers this request and body."""
        payload = hashlib.sha256(body).hexdigest()
        path = quote(scope["raw_path"].decode("latin-1"), safe="/-_.~")
        canonical = canonical_request(
            scope["method"], path, _pairs(scope["query_string"]), unverified.headers, unverified.signed_headers, payload
        )
        expected = sign(unverified.key, text_to_sign(unverified.date, unverified.scope, canonical))
        if not hmac.compare_digest(expected.encode(), unverified.signature.encode()):
            raise NotSigned("InvalidSignatureException", "The request signature we calculated does not match")

    def _require_fresh(self, date: str) -> None:
        try:
            skew = abs(datetime.strptime(date, DATE_FORMAT).replace(tzinfo=UTC) - self.clock())
        except ValueError as error:
            raise NotSigned("IncompleteSignatureException", "X-Amz-Date is missing or wrong") from error
        if skew > MAX_SKEW:
            raise NotSigned("InvalidSignatureException", "Signature expired or not yet current")

    def _key(self, scope: str, date: str) -> bytes:
        parts = scope.split("/")
        if len(parts) != 4 or parts[0] != date[:8] or parts[2] not in self.services or parts[3] != TERMINATOR:
            raise NotSigned("InvalidSignatureException", "Credential is scoped to another day or service")
        return signing_key(self.secret_access_key, parts[0], parts[1], parts[2])


def _require_covered(headers: Mapping[str, str], signed: tuple[str, ...]) -> None:
    """Raises NotSigned unless the host, the date and every header that changes a request's meaning are signed."""
    needed = {name for name in headers if name.startswith("x-amz-")} | {"host"}
    if not needed <= set(signed) or not set(signed) <= headers.keys():
        raise NotSigned("InvalidSignatureException", "Host and X-Amz headers must be signed")


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _pairs(query: bytes) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in query.decode("latin-1").split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]
