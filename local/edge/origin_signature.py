"""Sign the edge's reads of S3: AWS Signature Version 4 for requests without a body.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

_ALGORITHM = "AWS4-HMAC-SHA256"
_EMPTY_BODY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Credential:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str


def signed_headers(
    method: str, host: str, path: str, headers: Mapping[str, str], *, credential: Credential, now: datetime
) -> dict[str, str]:
    """Return `headers` plus those that authenticate them. `path` is escaped; names are in lower case; `now` is in
    UTC.
    """
    time = f"{now:%Y%m%dT%H%M%SZ}"
    scope = f"{time[:8]}/{credential.region}/s3/aws4_request"
    sent = {**headers, "host": host, "x-amz-content-sha256": _EMPTY_BODY, "x-amz-date": time}
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{' '.join(sent[name].split())}\n" for name in sorted(sent))
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{_EMPTY_BODY}"
    text = f"{_ALGORITHM}\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = _mac(_signing_key(credential, time[:8]), text).hex()
    sent["authorization"] = (
        f"{_ALGORITHM} Credential={credential.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


@lru_cache(maxsize=2)  # valid for a day
def _signing_key(credential: Credential, day: str) -> bytes:
    key = f"AWS4{credential.secret_access_key}".encode()
    for part in (day, credential.region, "s3", "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
