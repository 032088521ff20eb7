"""Where S3 is reached: by the SDK, and by browsers, whose content security policy must name the same origin."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class S3Address:
    """`bucket_origin` is the origin of the URLs that a client of `endpoint` signs for the bucket."""

    endpoint: str
    bucket_origin: str
    path_style: bool


def s3_address(*, bucket: str, region: str, endpoint: str | None) -> S3Address:
    """Return the address of a bucket at `endpoint`, or without one at AWS.

    At AWS it is the region's host, because the global one redirects until a bucket's name has spread to all regions,
    and the bucket is a part of the host. Stand-ins have the bucket in the path.
    """
    if endpoint is not None:
        return S3Address(endpoint, origin_of(endpoint), path_style=True)
    host = f"s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
    return S3Address(f"https://{host}", f"https://{bucket}.{host}", path_style=False)


def origin_of(url: str) -> str:
    """Return `scheme://host[:port]` without the default port, as a browser writes an origin."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default_port = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}" + ("" if parts.port in (None, default_port) else f":{parts.port}")
