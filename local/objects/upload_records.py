"""The rows of multipart uploads. Completing one moves no bytes: an object takes over the upload's content."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from local.objects.errors import S3Error
from local.objects.object_records import require_bucket


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that is neither completed nor aborted. `content` is S3's upload id."""

    key: str
    content: str
    started: int
    headers: dict[str, str]
    algorithm: str | None


def add_upload(connection: sqlite3.Connection, bucket: str, upload: Upload) -> None:
    """Raises NoSuchBucket."""
    require_bucket(connection, bucket)
    statement = """
        INSERT INTO uploads (bucket, key, content, started, headers, algorithm) VALUES (?, ?, ?, ?, ?, ?)
    """
    values = (upload.content, upload.started, json.dumps(upload.headers), upload.algorithm)
    connection.execute(statement, (bucket, upload.key.encode(), *values))


def require_upload(connection: sqlite3.Connection, bucket: str, key: str, content: str) -> Upload:
    """Raises NoSuchBucket or NoSuchUpload."""
    require_bucket(connection, bucket)
    statement = """
        SELECT key, content, started, headers, algorithm FROM uploads WHERE bucket = ? AND key = ? AND content = ?
    """
    row = connection.execute(statement, (bucket, key.encode(), content)).fetchone()
    if row is None:
        raise S3Error("NoSuchUpload", details={"UploadId": content})
    return _upload_of(row)


def remove_upload(connection: sqlite3.Connection, bucket: str, upload: Upload) -> None:
    statement = "DELETE FROM uploads WHERE bucket = ? AND key = ? AND content = ?"
    connection.execute(statement, (bucket, upload.key.encode(), upload.content))


def list_uploads(
    connection: sqlite3.Connection,
    bucket: str,
    *,
    from_key: bytes,
    below_key: bytes,
    after: tuple[bytes, str],
    limit: int,
) -> list[Upload]:
    """List uploads by key, then by age; `after` is the last key and upload id of the previous page. Raises
    NoSuchBucket.
    """
    require_bucket(connection, bucket)
    statement = """
        SELECT key, content, started, headers, algorithm FROM uploads
        WHERE bucket = ? AND key >= ? AND key < ? AND (key, content) > (?, ?) ORDER BY key, content LIMIT ?
    """
    return [_upload_of(row) for row in connection.execute(statement, (bucket, from_key, below_key, *after, limit))]


def _upload_of(row: tuple[Any, ...]) -> Upload:
    key, content, started, headers, algorithm = row
    return Upload(key.decode(), content, started, json.loads(headers), algorithm)
