"""ListObjectsV2: pages of keys in byte order; keys that share a prefix up to a delimiter are one entry."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Connection

from local.objects import documents
from local.objects.errors import S3Error
from local.objects.object_records import StoredObject, object_of, require_bucket
from local.objects.requests import Request
from local.objects.responses import Response, xml_response, xml_time
from local.objects.signatures import Identity
from local.objects.storage import Storage

_MAX_PAGE_KEYS = 1_000
_ABOVE_ALL = b"\xff"
"""No UTF-8 sequence begins with this byte."""


@dataclass(frozen=True, slots=True)
class Page:
    """`entries` are objects and common prefixes. The next page, if any, begins at `rest`."""

    entries: list[StoredObject | str]
    rest: bytes | None


def above(prefix: bytes) -> bytes:
    """Return the smallest key above all keys with this prefix."""
    trimmed = prefix.rstrip(_ABOVE_ALL)
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else _ABOVE_ALL


def list_page(
    connection: Connection, bucket: str, *, prefix: bytes, delimiter: bytes, start: bytes, limit: int
) -> Page:
    """Return at most `limit` entries, starting at the key `start`. A common prefix costs one query, however many keys
    it covers.
    """
    require_bucket(connection, bucket)
    entries: list[StoredObject | str] = []
    start, end = max(start, prefix), above(prefix)
    while True:
        for stored in _objects(connection, bucket, start, end):
            key = stored.key.encode()
            if len(entries) == limit:
                return Page(entries, key)
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if cut >= 0:
                group = key[: cut + len(delimiter)]
                entries.append(group.decode())
                start = above(group)
                break
            entries.append(stored)
        else:
            return Page(entries, None)


def _objects(connection: Connection, bucket: str, start: bytes, end: bytes) -> Iterator[StoredObject]:
    statement = """
        SELECT key, content, etag, size, modified, headers, algorithm, checksum FROM objects
        WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key
    """
    return (object_of(row) for row in connection.execute(statement, (bucket, start, end)))


async def list_objects(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    if request.parameter("list-type") != "2":
        raise S3Error("NotImplemented", "Only version 2 of ListObjects is implemented.")
    prefix, delimiter = request.parameter("prefix") or "", request.parameter("delimiter") or ""
    limit = min(request.number("max-keys", _MAX_PAGE_KEYS), _MAX_PAGE_KEYS)
    token = request.parameter("continuation-token")
    start_after = request.parameter("start-after")
    start = _start_of(token) if token is not None else start_after.encode() + b"\0" if start_after else b""
    page = await storage.read(
        lambda connection: list_page(
            connection, request.bucket, prefix=prefix.encode(), delimiter=delimiter.encode(), start=start, limit=limit
        )
    )
    encoding = request.parameter("encoding-type")
    truncated = page.rest is not None and limit > 0
    head = (
        documents.text("Name", request.bucket),
        documents.text("Prefix", documents.named(prefix, encoding)),
        documents.text("Delimiter", documents.named(delimiter, encoding) if delimiter else None),
        documents.text("StartAfter", documents.named(start_after, encoding) if start_after else None),
        documents.text("ContinuationToken", token),
        documents.text("NextContinuationToken", _token_of(page.rest) if page.rest is not None and truncated else None),
        documents.text("KeyCount", len(page.entries)),
        documents.text("MaxKeys", limit),
        documents.text("EncodingType", encoding),
        documents.flag("IsTruncated", truncated),
    )
    entries = (_entry(entry, encoding) for entry in page.entries)
    return xml_response(documents.document("ListBucketResult", *head, *entries))


def _entry(entry: StoredObject | str, encoding: str | None) -> str:
    if isinstance(entry, str):
        return documents.element("CommonPrefixes", documents.text("Prefix", documents.named(entry, encoding)))
    return documents.element(
        "Contents",
        documents.text("Key", documents.named(entry.key, encoding)),
        documents.text("LastModified", xml_time(entry.modified)),
        documents.text("ETag", f'"{entry.etag}"'),
        documents.text("ChecksumAlgorithm", entry.algorithm),
        documents.text("Size", entry.size),
        documents.text("StorageClass", "STANDARD"),
    )


def _token_of(start: bytes) -> str:
    return base64.urlsafe_b64encode(start).decode()


def _start_of(token: str) -> bytes:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from error
