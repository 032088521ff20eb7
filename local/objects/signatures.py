"""AWS Signature Version 4: verify a request by its headers or its presigned URL.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_to_bytes

from local.objects.errors import S3Error
from local.objects.requests import Request
from local.session_tokens import HEADER, PARAMETER, has_ended
from local.signatures import (
    ALGORITHM,
    DATE_FORMAT,
    TERMINATOR,
    canonical_request,
    read_fields,
    sign,
    signing_key,
    text_to_sign,
)

UNSIGNED = "UNSIGNED-PAYLOAD"
_SERVICE = "s3"
_MAX_SKEW = timedelta(minutes=15)
_MAX_EXPIRY_SECONDS = 7 * 24 * 3600
_EXPIRES = re.compile(r"[0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class Credential:
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified request of the credential's holder. `payload` is what was signed in place of the body."""

    region: str
    payload: str
    date: str
    scope: str
    signature: str
    signing_key: bytes


@dataclass(frozen=True, slots=True)
class _UnverifiedSignature:
    """The signature fields of a request, from its headers or its query."""

    credential: str
    date: str
    signed_headers: tuple[str, ...]
    signature: str
    payload: str


def authenticate(request: Request, credential: Credential, now: datetime) -> Identity:
    """Verify the request.

    Raises AccessDenied for an unsigned or expired request, SignatureDoesNotMatch for a changed one, and other
    S3Errors.
    """
    in_query, in_header = request.parameter("X-Amz-Algorithm") is not None, "authorization" in request.headers
    if in_query and in_header:
        raise S3Error("InvalidArgument", "Only one auth mechanism allowed")
    if not in_query and not in_header:
        raise S3Error("AccessDenied")
    unverified = _presigned_signature(request, now) if in_query else _header_signature(request, now)
    access_key_id, _, scope = unverified.credential.partition("/")
    day, region = _read_scope(scope)
    if access_key_id != credential.access_key_id:
        raise S3Error("InvalidAccessKeyId", details={"AWSAccessKeyId": access_key_id})
    if day != unverified.date[:8]:
        raise S3Error("SignatureDoesNotMatch", "The credential's scope names another day than the request.")
    _require_signed(request, unverified.signed_headers)
    key = signing_key(credential.secret_access_key, day, region, _SERVICE)
    text = text_to_sign(unverified.date, scope, _canonical_request(request, unverified))
    if not hmac.compare_digest(sign(key, text).encode(), unverified.signature.encode()):
        raise S3Error("SignatureDoesNotMatch")
    if has_ended(request.headers.get(HEADER) or request.parameter(PARAMETER), now):
        raise S3Error("ExpiredToken")
    return Identity(region, unverified.payload, unverified.date, scope, unverified.signature, key)


def _header_signature(request: Request, now: datetime) -> _UnverifiedSignature:
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    if algorithm != ALGORITHM:
        raise S3Error(
            "InvalidRequest", f"The authorization mechanism you have provided is not supported. Use {ALGORITHM}."
        )
    fields = read_fields(rest)
    if fields is None:
        raise S3Error("AuthorizationHeaderMalformed")
    date = request.headers.get("x-amz-date", "")
    if abs(_read_date(date, "AccessDenied") - now) > _MAX_SKEW:
        raise S3Error("RequestTimeTooSkewed")
    payload = request.headers.get("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    signed = tuple(fields["SignedHeaders"].split(";"))
    return _UnverifiedSignature(fields["Credential"], date, signed, fields["Signature"], payload)


def _presigned_signature(request: Request, now: datetime) -> _UnverifiedSignature:
    names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    fields = {name: request.parameter(f"X-Amz-{name}") for name in names}
    present = {name: value for name, value in fields.items() if value is not None}
    if len(present) < len(names) or present["Algorithm"] != ALGORITHM:
        raise S3Error("AuthorizationQueryParametersError")
    expires = present["Expires"]
    if not (_EXPIRES.fullmatch(expires) and 1 <= int(expires) <= _MAX_EXPIRY_SECONDS):
        raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires must be between 1 and 604800 seconds")
    date = _read_date(present["Date"], "AuthorizationQueryParametersError")
    if date - now > _MAX_SKEW:
        raise S3Error("AccessDenied", "Request is not valid yet")
    if now > date + timedelta(seconds=int(expires)):
        raise S3Error("AccessDenied", "Request has expired", details={"X-Amz-Expires": expires})
    payload = request.headers.get("x-amz-content-sha256", UNSIGNED)
    signed = tuple(present["SignedHeaders"].split(";"))
    return _UnverifiedSignature(present["Credential"], present["Date"], signed, present["Signature"], payload)


def _read_date(text: str, code: str) -> datetime:
    try:
        return datetime.strptime(text, DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise S3Error(code, "AWS authentication requires a valid X-Amz-Date") from error


def _read_scope(scope: str) -> tuple[str, str]:
    parts = scope.split("/")
    if len(parts) != 4 or parts[2:] != [_SERVICE, TERMINATOR]:
        raise S3Error("AuthorizationHeaderMalformed", "The credential's scope is not <date>/<region>/s3/aws4_request.")
    return parts[0], parts[1]


def _require_signed(request: Request, signed: tuple[str, ...]) -> None:
    """Raises AccessDenied unless the host and every header that changes a request's meaning are signed."""
    unsigned = {name for name in request.headers if name.startswith("x-amz-") or name == "host"} - set(signed)
    if unsigned:
        names = ", ".join(sorted(unsigned))
        raise S3Error(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            details={"HeadersNotSigned": names},
        )
    if not set(signed) <= request.headers.keys():
        raise S3Error("SignatureDoesNotMatch", "The request lacks headers that were signed.")


def _canonical_request(request: Request, unverified: _UnverifiedSignature) -> bytes:
    path = quote(unquote_to_bytes(request.path), safe="/-_.~")
    query = [(name, value) for name, value in request.query if name != "X-Amz-Signature"]
    signed, payload = unverified.signed_headers, unverified.payload
    return canonical_request(request.method, path, query, request.headers, signed, payload)
