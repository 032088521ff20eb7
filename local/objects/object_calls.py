"""PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects, CopyObject."""

from dataclasses import replace
from datetime import datetime
from sqlite3 import Connection
from urllib.parse import unquote

from local.objects import documents
from local.objects.bodies import PayloadCheck, read_document, require_size
from local.objects.checksums import HEADER_PREFIX, named_checksum
from local.objects.conditions import byte_range, http_time, require_preconditions, unchanged, write_condition
from local.objects.errors import S3Error
from local.objects.files import new_content_id
from local.objects.object_records import (
    Piece,
    StoredObject,
    find_pieces,
    put_object,
    put_piece,
    remove_objects,
    require_bucket,
    require_object,
)
from local.objects.requests import MAX_KEY_BYTES, Request
from local.objects.responses import ByteRange, Response, milliseconds, xml_response, xml_time
from local.objects.signatures import Identity
from local.objects.storage import Storage

_STORED_HEADERS = (
    "content-type",
    "content-disposition",
    "content-encoding",
    "content-language",
    "cache-control",
    "expires",
)
_METADATA_PREFIX = "x-amz-meta-"
_MAX_METADATA_BYTES = 2_048
_MAX_DELETED = 1_000
_MAX_DELETE_DOCUMENT_BYTES = 4 * 1024 * 1024


async def put(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    if "x-amz-copy-source" in request.fields:
        return await copy(request, identity, storage, now)
    check = PayloadCheck(request, identity, named_checksum(request.fields))
    require_size(check)
    headers, condition = stored_headers(request), write_condition(request.fields)
    await storage.read(lambda connection: require_bucket(connection, request.bucket))
    received = await storage.receive(request, check)
    payload, modified = received.payload, milliseconds(now)
    algorithm, checksum = (payload.checksum.algorithm, payload.checksum.value) if payload.checksum else (None, None)
    stored = StoredObject(
        request.key, new_content_id(), payload.etag, payload.size, modified, headers, algorithm, checksum
    )
    piece = Piece(1, received.file, payload.size, payload.etag, checksum, modified)
    await storage.keep(
        received,
        lambda connection: (
            put_object(connection, request.bucket, stored, condition) + put_piece(connection, stored.content, piece)
        ),
    )
    return Response(200, {"etag": f'"{payload.etag}"', **_checksum_headers(stored)})


async def get(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    def read(connection: Connection) -> tuple[StoredObject, list[Piece]]:
        record = require_object(connection, request.bucket, request.key)
        return record, find_pieces(connection, record.content)

    stored, pieces = await storage.read(read)
    response = _described(request, stored)
    if response.status != 200:
        return response
    chosen = byte_range(request.fields, stored.size, stored.etag)
    if chosen is None:
        return Response(200, response.headers, ByteRange(pieces, 0, stored.size))
    start, end = chosen
    # The checksum covers the whole object; a client would compare it with the range that it gets.
    headers = {name: value for name, value in response.headers.items() if not name.startswith(HEADER_PREFIX)}
    headers |= {"content-range": f"bytes {start}-{end}/{stored.size}"}
    return Response(206, headers, ByteRange(pieces, start, end - start + 1))


async def head(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    return await get(request, identity, storage, now)


async def delete(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    keys = [request.key]
    await storage.remove(lambda connection: remove_objects(connection, request.bucket, keys))
    return Response(204)


async def delete_many(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    checksum = named_checksum(request.fields)
    if checksum is None and "content-md5" not in request.headers:
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5")
    body = await read_document(request, identity, max_bytes=_MAX_DELETE_DOCUMENT_BYTES, checksum=checksum)
    root = documents.parse(body, "Delete")
    keys = [documents.require_value(entry, "Key") for entry in documents.children(root, "Object")]
    if not 0 < len(keys) <= _MAX_DELETED or any(len(key.encode()) > MAX_KEY_BYTES for key in keys):
        raise S3Error("MalformedXML")
    await storage.remove(lambda connection: remove_objects(connection, request.bucket, keys))
    quiet = documents.value_of(root, "Quiet") == "true"
    deleted = [] if quiet else [documents.element("Deleted", documents.text("Key", key)) for key in keys]
    return xml_response(documents.document("DeleteResult", *deleted))


async def copy(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    """Copy an object without copying bytes: the new object references the content of the old one."""
    bucket, _, key = unquote(request.fields["x-amz-copy-source"]).removeprefix("/").partition("/")
    replacing = request.fields.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    if (bucket, key) == (request.bucket, request.key) and not replacing:
        raise S3Error("InvalidRequest", "This copy request is illegal because it changes nothing.")
    headers, condition, modified = stored_headers(request), write_condition(request.fields), milliseconds(now)

    def write(connection: Connection) -> tuple[StoredObject, list[str]]:
        record = require_object(connection, bucket, key)
        copied = replace(record, key=request.key, modified=modified, headers=headers if replacing else record.headers)
        return copied, put_object(connection, request.bucket, copied, condition)

    stored, files = await storage.write(write)
    await storage.discard(files)
    result = (documents.text("LastModified", xml_time(modified)), documents.text("ETag", f'"{stored.etag}"'))
    return xml_response(documents.document("CopyObjectResult", *result))


def stored_headers(request: Request) -> dict[str, str]:
    """Return the object headers of a write, which every read returns. Raises MetadataTooLarge."""
    headers = {name: request.fields[name] for name in _STORED_HEADERS if name in request.fields}
    encodings = [part.strip() for part in headers.pop("content-encoding", "").split(",")]
    if left := ", ".join(part for part in encodings if part and part != "aws-chunked"):
        headers["content-encoding"] = left
    metadata = {name: value for name, value in request.fields.items() if name.startswith(_METADATA_PREFIX)}
    if sum(len(name) - len(_METADATA_PREFIX) + len(value) for name, value in metadata.items()) > _MAX_METADATA_BYTES:
        raise S3Error("MetadataTooLarge", details={"MaxSizeAllowed": str(_MAX_METADATA_BYTES)})
    return {"content-type": "binary/octet-stream"} | headers | metadata


def _described(request: Request, stored: StoredObject) -> Response:
    """Return the headers of an object with status 200 or 304. Raises PreconditionFailed."""
    validators = {"etag": f'"{stored.etag}"', "last-modified": http_time(stored.modified)}
    require_preconditions(request.fields, stored.etag, stored.modified)
    cache_headers = {name: stored.headers[name] for name in ("cache-control", "expires") if name in stored.headers}
    if unchanged(request.fields, stored.etag, stored.modified):
        return Response(304, validators | cache_headers)
    headers = stored.headers | validators | {"accept-ranges": "bytes"}
    if request.fields.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= _checksum_headers(stored)
    for name in _STORED_HEADERS:
        if value := request.parameter(f"response-{name}"):
            headers[name] = value
    return Response(200, headers)


def _checksum_headers(stored: StoredObject) -> dict[str, str]:
    if stored.algorithm is None or stored.checksum is None:
        return {}
    kind = "COMPOSITE" if "-" in stored.checksum else "FULL_OBJECT"
    return {HEADER_PREFIX + stored.algorithm.lower(): stored.checksum, "x-amz-checksum-type": kind}
