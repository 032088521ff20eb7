"""Multipart uploads: create, upload and list parts, complete, abort, list those in progress."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from sqlite3 import Connection
from xml.etree.ElementTree import Element

from local.objects import documents
from local.objects.bodies import PayloadCheck, read_document, require_size
from local.objects.checksums import HEADER_PREFIX, Checksum, composite, named_checksum, require_algorithm
from local.objects.conditions import write_condition
from local.objects.errors import S3Error
from local.objects.files import new_content_id
from local.objects.listing import above
from local.objects.object_calls import stored_headers
from local.objects.object_records import (
    Piece,
    StoredObject,
    delete_pieces,
    find_object,
    find_pieces,
    put_object,
    put_piece,
    release_content,
)
from local.objects.requests import Request
from local.objects.responses import Response, milliseconds, xml_response, xml_time
from local.objects.signatures import Identity
from local.objects.storage import Storage
from local.objects.upload_records import Upload, add_upload, list_uploads, remove_upload, require_upload

_MAX_PARTS = 10_000
_MIN_PART_BYTES = 5 * 1024 * 1024
"""S3's minimum for every part but the last."""
_MAX_COMPLETE_DOCUMENT_BYTES = 4 * 1024 * 1024
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class _NamedPart:
    number: int
    etag: str
    checksum: str | None


async def create(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    announced = request.fields.get("x-amz-checksum-algorithm")
    algorithm = require_algorithm(announced) if announced else None
    kind = request.fields.get("x-amz-checksum-type", "COMPOSITE").upper()
    if kind != "COMPOSITE" or algorithm == "CRC64NVME":
        raise S3Error(
            "NotImplemented", "This server keeps composite checksums of uploads in parts, no full-object ones."
        )
    upload = Upload(request.key, new_content_id(), milliseconds(now), stored_headers(request), algorithm)
    await storage.write(lambda connection: add_upload(connection, request.bucket, upload))
    headers = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": kind} if algorithm else {}
    names = (documents.text("Bucket", request.bucket), documents.text("Key", request.key))
    body = documents.document("InitiateMultipartUploadResult", *names, documents.text("UploadId", upload.content))
    return xml_response(body, headers=headers)


async def upload_part(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    if "x-amz-copy-source" in request.fields:
        raise S3Error("NotImplemented", "UploadPartCopy is not implemented.")
    number, content = request.number("partNumber", 0), _upload_id(request)
    if not 1 <= number <= _MAX_PARTS:
        raise S3Error("InvalidArgument", f"Part number must be an integer between 1 and {_MAX_PARTS}, inclusive")
    upload = await storage.read(lambda connection: require_upload(connection, request.bucket, request.key, content))
    checksum = named_checksum(request.fields)
    _require_same_algorithm(upload.algorithm, checksum)
    check = PayloadCheck(request, identity, checksum)
    require_size(check)
    received = await storage.receive(request, check)
    payload = received.payload
    # A checksum that the upload did not announce has been verified and is not stored.
    value = payload.checksum.value if payload.checksum and upload.algorithm else None
    piece = Piece(number, received.file, payload.size, payload.etag, value, milliseconds(now))

    def write(connection: Connection) -> list[str]:
        require_upload(connection, request.bucket, request.key, content)
        return put_piece(connection, content, piece)

    await storage.keep(received, write)
    headers = {payload.checksum.header: str(payload.checksum.value)} if payload.checksum else {}
    return Response(200, {"etag": f'"{payload.etag}"', **headers})


def _require_same_algorithm(expected: str | None, checksum: Checksum | None) -> None:
    actual = checksum.algorithm if checksum else "null"
    if expected and actual != expected:
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, "
            f"actual checksum Type: {actual.lower()}",
        )


async def list_parts(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    content = _upload_id(request)
    after, limit = request.number("part-number-marker", 0), min(request.number("max-parts", _PAGE), _PAGE)

    def read(connection: Connection) -> tuple[Upload, list[Piece]]:
        upload = require_upload(connection, request.bucket, request.key, content)
        return upload, [piece for piece in find_pieces(connection, content) if piece.number > after]

    upload, pieces = await storage.read(read)
    page = pieces[:limit]
    head = (
        documents.text("Bucket", request.bucket),
        documents.text("Key", documents.named(request.key, request.parameter("encoding-type"))),
        documents.text("UploadId", content),
        documents.text("PartNumberMarker", after),
        documents.text("NextPartNumberMarker", page[-1].number if page else after),
        documents.text("MaxParts", limit),
        documents.flag("IsTruncated", len(pieces) > limit),
        documents.text("ChecksumAlgorithm", upload.algorithm),
        documents.text("ChecksumType", "COMPOSITE" if upload.algorithm else None),
    )
    parts = (_part(piece, upload.algorithm) for piece in page)
    tail = documents.text("StorageClass", "STANDARD")
    return xml_response(documents.document("ListPartsResult", *head, *parts, tail))


def _part(piece: Piece, algorithm: str | None) -> str:
    return documents.element(
        "Part",
        documents.text("PartNumber", piece.number),
        documents.text("LastModified", xml_time(piece.modified)),
        documents.text("ETag", f'"{piece.etag}"'),
        documents.text("Size", piece.size),
        documents.text(f"Checksum{algorithm}", piece.checksum) if algorithm else "",
    )


async def complete(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    """Complete an upload. Repeating it returns the same response as long as the object exists."""
    content, condition = _upload_id(request), write_condition(request.fields)
    body = await read_document(request, identity, max_bytes=_MAX_COMPLETE_DOCUMENT_BYTES)
    named = [_named_part(part) for part in documents.children(documents.parse(body, "CompleteMultipartUpload"), "Part")]
    _require_order(named)

    def write(connection: Connection) -> tuple[StoredObject, list[str]]:
        before = find_object(connection, request.bucket, request.key)
        if before and before.content == content:
            return before, []
        upload = require_upload(connection, request.bucket, request.key, content)
        pieces = find_pieces(connection, content)
        chosen = _chosen(named, pieces, upload.algorithm)
        stored = _assembled(request, upload, chosen, milliseconds(now))
        remove_upload(connection, request.bucket, upload)
        numbers = {piece.number for piece in chosen}
        left = [piece for piece in pieces if piece.number not in numbers]
        replaced = put_object(connection, request.bucket, stored, condition)
        return stored, replaced + delete_pieces(connection, content, left)

    stored, files = await storage.write(write)
    await storage.discard(files)
    location = f"http://{request.headers['host']}{request.path.decode('latin-1')}"
    names = (documents.text("Bucket", request.bucket), documents.text("Key", stored.key))
    checksum = documents.text(f"Checksum{stored.algorithm}", stored.checksum) if stored.algorithm else ""
    kind = documents.text("ChecksumType", "COMPOSITE") if stored.algorithm else ""
    tag = documents.text("ETag", f'"{stored.etag}"')
    return xml_response(
        documents.document(
            "CompleteMultipartUploadResult", documents.text("Location", location), *names, tag, checksum, kind
        )
    )


def _named_part(part: Element) -> _NamedPart:
    number = documents.require_value(part, "PartNumber")
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise S3Error("MalformedXML")
    checksums = [child.text for child in part if "}Checksum" in child.tag or child.tag.startswith("Checksum")]
    etag = documents.require_value(part, "ETag").strip().strip('"')
    return _NamedPart(int(number), etag, checksums[0] if checksums else None)


def _require_order(named: list[_NamedPart]) -> None:
    if not named or len(named) > _MAX_PARTS:
        raise S3Error("MalformedXML")
    if any(after.number <= before.number for before, after in pairwise(named)):
        raise S3Error("InvalidPartOrder")


def _chosen(named: list[_NamedPart], pieces: list[Piece], algorithm: str | None) -> list[Piece]:
    """Return the pieces that the client names. Raises InvalidPart, InvalidRequest or EntityTooSmall."""
    by_number = {piece.number: piece for piece in pieces}
    chosen = []
    for part in named:
        piece = by_number.get(part.number)
        if algorithm and part.checksum is None:
            raise S3Error(
                "InvalidRequest",
                f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
                f"checksum for each part. It was missing for part {part.number} in the request.",
            )
        if piece is None or piece.etag != part.etag or (algorithm and piece.checksum != part.checksum):
            raise S3Error("InvalidPart", details={"PartNumber": str(part.number), "ETag": part.etag})
        chosen.append(piece)
    for piece in chosen[:-1]:
        if piece.size < _MIN_PART_BYTES:
            details = {"ProposedSize": str(piece.size), "MinSizeAllowed": str(_MIN_PART_BYTES)}
            raise S3Error("EntityTooSmall", details=details | {"PartNumber": str(piece.number), "ETag": piece.etag})
    return chosen


def _assembled(request: Request, upload: Upload, chosen: list[Piece], modified: int) -> StoredObject:
    """Build the object of the pieces. Raises BadDigest or InvalidRequest if the request expects another size or
    checksum.
    """
    size = sum(piece.size for piece in chosen)
    expected_size = request.fields.get("x-amz-mp-object-size")
    if expected_size is not None and expected_size != str(size):
        raise S3Error("InvalidRequest", f"The provided 'x-amz-mp-object-size' header does not match {size}.")
    checksum = None
    if upload.algorithm:
        checksum = composite(upload.algorithm, [str(piece.checksum) for piece in chosen])
        expected = request.fields.get(HEADER_PREFIX + upload.algorithm.lower())
        if expected is not None and expected not in (checksum, checksum.partition("-")[0]):
            raise S3Error("BadDigest", f"The {upload.algorithm} you specified did not match the calculated checksum.")
    etag = sha256("".join(piece.etag for piece in chosen).encode()).hexdigest()[:32] + f"-{len(chosen)}"
    return StoredObject(upload.key, upload.content, etag, size, modified, upload.headers, upload.algorithm, checksum)


async def abort(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    content = _upload_id(request)

    def write(connection: Connection) -> list[str]:
        upload = require_upload(connection, request.bucket, request.key, content)
        remove_upload(connection, request.bucket, upload)
        return release_content(connection, content)

    await storage.remove(write)
    return Response(204)


async def list_all(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    if request.parameter("delimiter"):
        raise S3Error("NotImplemented", "ListMultipartUploads takes no delimiter here.")
    prefix, encoding = request.parameter("prefix") or "", request.parameter("encoding-type")
    limit = min(request.number("max-uploads", _PAGE), _PAGE)
    key_marker, id_marker = request.parameter("key-marker") or "", request.parameter("upload-id-marker") or ""
    # Without an upload id, skip all uploads of the marker's key: every id is below "~".
    after = (key_marker.encode(), id_marker or ("~" if key_marker else ""))
    listed = await storage.read(
        lambda connection: list_uploads(
            connection,
            request.bucket,
            from_key=prefix.encode(),
            below_key=above(prefix.encode()),
            after=after,
            limit=limit + 1,
        )
    )
    page, truncated = listed[:limit], len(listed) > limit
    head = (
        documents.text("Bucket", request.bucket),
        documents.text("KeyMarker", documents.named(key_marker, encoding)),
        documents.text("UploadIdMarker", id_marker),
        documents.text("NextKeyMarker", documents.named(page[-1].key, encoding) if truncated and page else None),
        documents.text("NextUploadIdMarker", page[-1].content if truncated and page else None),
        documents.text("Prefix", documents.named(prefix, encoding)),
        documents.text("EncodingType", encoding),
        documents.text("MaxUploads", limit),
        documents.flag("IsTruncated", truncated),
    )
    uploads = (_upload(upload, encoding) for upload in page)
    return xml_response(documents.document("ListMultipartUploadsResult", *head, *uploads))


def _upload(upload: Upload, encoding: str | None) -> str:
    return documents.element(
        "Upload",
        documents.text("Key", documents.named(upload.key, encoding)),
        documents.text("UploadId", upload.content),
        documents.text("StorageClass", "STANDARD"),
        documents.text("Initiated", xml_time(upload.started)),
        documents.text("ChecksumAlgorithm", upload.algorithm),
        documents.text("ChecksumType", "COMPOSITE" if upload.algorithm else None),
    )


def _upload_id(request: Request) -> str:
    return request.parameter("uploadId") or ""
