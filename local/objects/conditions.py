"""Conditional requests and ranges, in the order of RFC 9110 and with the responses of S3."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from local.objects.errors import S3Error
from local.objects.object_records import WriteCondition

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def http_time(modified: int) -> str:
    return format_datetime(datetime.fromtimestamp(modified // 1000, UTC), usegmt=True)


def require_preconditions(fields: Mapping[str, str], etag: str, modified: int) -> None:
    """Raises PreconditionFailed. If-Match takes precedence over If-Unmodified-Since."""
    if "if-match" in fields:
        if not _names(fields["if-match"], etag):
            raise S3Error("PreconditionFailed", details={"Condition": "If-Match"})
        return
    limit = _seconds(fields.get("if-unmodified-since"))
    if limit is not None and modified // 1000 > limit:
        raise S3Error("PreconditionFailed", details={"Condition": "If-Unmodified-Since"})


def unchanged(fields: Mapping[str, str], etag: str, modified: int) -> bool:
    """Return True if the response is 304. If-None-Match takes precedence over If-Modified-Since."""
    if "if-none-match" in fields:
        return _names(fields["if-none-match"], etag)
    since = _seconds(fields.get("if-modified-since"))
    return since is not None and modified // 1000 <= since


def byte_range(fields: Mapping[str, str], size: int, etag: str) -> tuple[int, int] | None:
    """Return the first and last byte, or None for all: no range, several, or If-Range names another version.

    Raises InvalidRange if none of the bytes exist.
    """
    match = _RANGE.fullmatch(fields.get("range", "").strip())
    if match is None or match.groups() == ("", "") or not _names(fields.get("if-range", "*"), etag):
        return None
    first, last = match.groups()
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last else size - 1
    if first and last and int(last) < int(first):
        return None  # RFC 9110 14.1.1: an invalid range is ignored
    if start >= size or (not first and int(last) == 0):
        details = {"RangeRequested": fields["range"], "ActualObjectSize": str(size)}
        raise S3Error("InvalidRange", details=details, headers={"content-range": f"bytes */{size}"})
    return start, end


def write_condition(fields: Mapping[str, str]) -> WriteCondition:
    """Return a write's condition. Raises NotImplemented for conditions that S3 does not support on writes."""
    none_match, match = fields.get("if-none-match"), fields.get("if-match")
    if none_match not in (None, "*"):
        raise S3Error("NotImplemented", "If-None-Match of a write can only be *.")
    return WriteCondition(absent=none_match is not None, etag=match.strip().strip('"') if match else None)


def _names(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in tags or etag in tags


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except ValueError:
        return None  # RFC 9110 13.1.3: a condition with an invalid date is ignored
