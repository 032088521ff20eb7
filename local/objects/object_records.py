"""The rows of objects and their pieces: functions for the threads of the catalogue."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.objects.errors import S3Error


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`checksum` is base64, with the suffix `-<parts>` if it is composite. `modified` is in ms since 1970."""

    key: str
    content: str
    etag: str
    size: int
    modified: int
    headers: dict[str, str]
    algorithm: str | None
    checksum: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A file with the whole content of a single PUT, or with one part of an upload."""

    number: int
    file: str
    size: int
    etag: str
    checksum: str | None
    modified: int


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """What must hold at the time of a write; `etag` is that of the object to be replaced."""

    absent: bool = False
    etag: str | None = None


def object_of(row: tuple[Any, ...]) -> StoredObject:
    """Build an object from the columns key, content, etag, size, modified, headers, algorithm, checksum."""
    key, content, etag, size, modified, headers, algorithm, checksum = row
    return StoredObject(key.decode(), content, etag, size, modified, json.loads(headers), algorithm, checksum)


def find_object(connection: sqlite3.Connection, bucket: str, key: str) -> StoredObject | None:
    statement = """
        SELECT key, content, etag, size, modified, headers, algorithm, checksum FROM objects
        WHERE bucket = ? AND key = ?
    """
    row = connection.execute(statement, (bucket, key.encode())).fetchone()
    return object_of(row) if row else None


def require_object(connection: sqlite3.Connection, bucket: str, key: str) -> StoredObject:
    """Raises NoSuchBucket or NoSuchKey."""
    require_bucket(connection, bucket)
    stored = find_object(connection, bucket, key)
    if stored is None:
        raise S3Error("NoSuchKey", details={"Key": key})
    return stored


def find_pieces(connection: sqlite3.Connection, content: str) -> list[Piece]:
    """Return the pieces in order of their numbers."""
    statement = """
        SELECT number, file, size, etag, checksum, modified FROM pieces WHERE content = ? ORDER BY number
    """
    return [Piece(*row) for row in connection.execute(statement, (content,))]


def put_object(
    connection: sqlite3.Connection, bucket: str, stored: StoredObject, condition: WriteCondition
) -> list[str]:
    """Insert or replace the object's row; return the files that are no longer referenced.

    Raises NoSuchBucket or PreconditionFailed.
    """
    require_bucket(connection, bucket)
    before = find_object(connection, bucket, stored.key)
    _require_condition(before, condition)
    statement = """
        INSERT OR REPLACE INTO objects (bucket, key, content, etag, size, modified, headers, algorithm, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
    headers = json.dumps(stored.headers)
    values = (stored.content, stored.etag, stored.size, stored.modified, headers, stored.algorithm, stored.checksum)
    connection.execute(statement, (bucket, stored.key.encode(), *values))
    return release_content(connection, before.content) if before else []


def put_piece(connection: sqlite3.Connection, content: str, piece: Piece) -> list[str]:
    """Insert or replace one piece; return the file of the replaced one."""
    where = (content, piece.number)
    rows = connection.execute("SELECT file FROM pieces WHERE content = ? AND number = ?", where).fetchall()
    statement = """
        INSERT OR REPLACE INTO pieces (content, number, file, size, etag, checksum, modified)
        VALUES (?, ?, ?, ?, ?, ?, ?)
    """
    values = (piece.file, piece.size, piece.etag, piece.checksum, piece.modified)
    connection.execute(statement, (*where, *values))
    return _leave(connection, [file for (file,) in rows])


def remove_objects(connection: sqlite3.Connection, bucket: str, keys: Sequence[str]) -> list[str]:
    """Delete objects; return the files that are no longer referenced. Absent keys are no error. Raises NoSuchBucket."""
    require_bucket(connection, bucket)
    files: list[str] = []
    for key in keys:
        before = find_object(connection, bucket, key)
        if before:
            connection.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key.encode()))
            files += release_content(connection, before.content)
    return files


def release_content(connection: sqlite3.Connection, content: str) -> list[str]:
    """Delete the pieces of `content` unless an object still references it; return their files."""
    if connection.execute("SELECT 1 FROM objects WHERE content = ?", (content,)).fetchone():
        return []
    files = [piece.file for piece in find_pieces(connection, content)]
    connection.execute("DELETE FROM pieces WHERE content = ?", (content,))
    return _leave(connection, files)


def delete_pieces(connection: sqlite3.Connection, content: str, pieces: Sequence[Piece]) -> list[str]:
    """Delete some pieces of an upload; return their files."""
    numbers = [(content, piece.number) for piece in pieces]
    connection.executemany("DELETE FROM pieces WHERE content = ? AND number = ?", numbers)
    return _leave(connection, [piece.file for piece in pieces])


def require_bucket(connection: sqlite3.Connection, bucket: str) -> None:
    if not connection.execute("SELECT 1 FROM buckets WHERE name = ?", (bucket,)).fetchone():
        raise S3Error("NoSuchBucket", details={"BucketName": bucket})


def leftovers(connection: sqlite3.Connection) -> list[str]:
    return [file for (file,) in connection.execute("SELECT file FROM leftovers")]


def delete_leftovers(connection: sqlite3.Connection, files: Sequence[str]) -> None:
    connection.executemany("DELETE FROM leftovers WHERE file = ?", [(file,) for file in files])


def named_files(connection: sqlite3.Connection, files: Sequence[str]) -> set[str]:
    """Return those of `files` that a piece references.

    Reads all pieces, so it is for the start only, and only if there are files to check.
    """
    unreferenced = set(files)
    if not unreferenced:
        return set()
    return {file for (file,) in connection.execute("SELECT file FROM pieces") if file in unreferenced}


def _leave(connection: sqlite3.Connection, files: list[str]) -> list[str]:
    connection.executemany("INSERT OR IGNORE INTO leftovers (file) VALUES (?)", [(file,) for file in files])
    return files


def _require_condition(before: StoredObject | None, condition: WriteCondition) -> None:
    if condition.absent and before:
        raise S3Error("PreconditionFailed", details={"Condition": "If-None-Match"})
    if condition.etag is not None and before is None:
        raise S3Error("NoSuchKey")
    if condition.etag is not None and before and before.etag != condition.etag:
        raise S3Error("PreconditionFailed", details={"Condition": "If-Match"})
