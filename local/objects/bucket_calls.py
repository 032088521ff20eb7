"""CreateBucket, HeadBucket, ListBuckets, GetBucketLocation, DeleteBucket, a bucket's CORS rules and its versioning."""

import re
from datetime import datetime
from sqlite3 import Connection

from local.objects import documents
from local.objects.bodies import read_document
from local.objects.checksums import named_checksum
from local.objects.cors import Rule, find_rules, read_rules, rules_document, set_rules
from local.objects.errors import S3Error
from local.objects.object_records import require_bucket
from local.objects.requests import Request
from local.objects.responses import Response, milliseconds, xml_response, xml_time
from local.objects.signatures import Identity
from local.objects.storage import Storage

RESERVED = ("healthz", "readyz")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MAX_DOCUMENT_BYTES = 64 * 1024
"""S3's limit of a CORS configuration."""


async def create(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    """Create a bucket. Repeating it is not an error, as in S3's first region."""
    if not _NAME.fullmatch(request.bucket) or ".." in request.bucket or request.bucket in RESERVED:
        raise S3Error("InvalidBucketName", details={"BucketName": request.bucket})
    # a location constraint is ignored; there is only one location
    if request.headers.get("content-length", "0") != "0":
        await read_document(request, identity, max_bytes=_MAX_DOCUMENT_BYTES, checksum=named_checksum(request.fields))
    values = (request.bucket, milliseconds(now))
    statement = "INSERT OR IGNORE INTO buckets (name, created) VALUES (?, ?)"
    await storage.write(lambda connection: connection.execute(statement, values))
    return Response(200, {"location": f"/{request.bucket}"})


async def head(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    await storage.read(lambda connection: require_bucket(connection, request.bucket))
    return Response(200, {"x-amz-bucket-region": identity.region})


async def location(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    await storage.read(lambda connection: require_bucket(connection, request.bucket))
    region = "" if identity.region == "us-east-1" else identity.region
    return xml_response(documents.document("LocationConstraint", region))


async def list_all(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    rows = await storage.read(
        lambda connection: connection.execute("SELECT name, created FROM buckets ORDER BY name").fetchall()
    )
    buckets = (
        documents.element("Bucket", documents.text("Name", name), documents.text("CreationDate", xml_time(created)))
        for name, created in rows
    )
    owner = documents.element("Owner", documents.text("ID", "darkroom"))
    return xml_response(documents.document("ListAllMyBucketsResult", owner, documents.element("Buckets", *buckets)))


async def delete(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    def write(connection: Connection) -> None:
        require_bucket(connection, request.bucket)
        held = "SELECT 1 FROM objects WHERE bucket = ?1 UNION ALL SELECT 1 FROM uploads WHERE bucket = ?1"
        if connection.execute(held, (request.bucket,)).fetchone():
            raise S3Error("BucketNotEmpty", details={"BucketName": request.bucket})
        connection.execute("DELETE FROM buckets WHERE name = ?", (request.bucket,))

    await storage.write(write)
    return Response(204)


async def versioning(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    """Objects have no versions here, which S3 says by an empty document."""
    await storage.read(lambda connection: require_bucket(connection, request.bucket))
    return xml_response(documents.document("VersioningConfiguration"))


async def put_cors(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    checksum = named_checksum(request.fields)
    rules = read_rules(await read_document(request, identity, max_bytes=_MAX_DOCUMENT_BYTES, checksum=checksum))
    await storage.write(lambda connection: set_rules(connection, request.bucket, rules))
    return Response(200)


async def get_cors(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    def read(connection: Connection) -> list[Rule]:
        require_bucket(connection, request.bucket)
        return find_rules(connection, request.bucket)

    rules = await storage.read(read)
    if not rules:
        raise S3Error("NoSuchCORSConfiguration", details={"BucketName": request.bucket})
    return xml_response(rules_document(rules))


async def delete_cors(request: Request, identity: Identity, storage: Storage, now: datetime) -> Response:
    await storage.write(lambda connection: set_rules(connection, request.bucket, []))
    return Response(204)
