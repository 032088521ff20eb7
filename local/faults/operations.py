"""Determine a request's AWS operation, in each of the three protocols."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs


class Protocol(StrEnum):
    DYNAMODB = "dynamodb"
    SQS = "sqs"
    QUERY = "query"
    """SNS, and SQS of older SDKs: form fields in, XML out."""
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class Operation:
    protocol: Protocol
    name: str


ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
S3_BY_QUERY = (
    ("POST", "uploads", "CreateMultipartUpload"),
    ("POST", "uploadId", "CompleteMultipartUpload"),
    ("POST", "delete", "DeleteObjects"),
    ("PUT", "partNumber", "UploadPart"),
    ("PUT", "cors", "PutBucketCors"),
    ("GET", "uploadId", "ListParts"),
    ("GET", "uploads", "ListMultipartUploads"),
    ("DELETE", "uploadId", "AbortMultipartUpload"),
)
S3_BY_METHOD = {
    "GET": ("ListObjectsV2", "GetObject"),
    "HEAD": ("HeadBucket", "HeadObject"),
    "PUT": ("CreateBucket", "PutObject"),
    "POST": ("PostObject", "PostObject"),
    "DELETE": ("DeleteBucket", "DeleteObject"),
}
"""The operation on a bucket, and that on an object in it (path-style addresses)."""


def has_query_body(headers: Mapping[bytes, bytes]) -> bool:
    """Return True if the body contains the operation's name."""
    return headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded")


def name_operation(method: str, path: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes) -> Operation:
    """Return the request's operation. `body` is read only if `has_query_body`."""
    if target := headers.get(b"x-amz-target"):
        service, _, name = target.decode("latin-1").partition(".")
        return Operation(Protocol.DYNAMODB if service.startswith("DynamoDB") else Protocol.SQS, name)
    if action := ACTION.search(body) or ACTION.search(query):
        return Operation(Protocol.QUERY, action[1].decode())
    return Operation(Protocol.S3, _s3_operation(method, path, query, headers))


def _s3_operation(method: str, path: str, query: bytes, headers: Mapping[bytes, bytes]) -> str:
    parameters = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    for its_method, parameter, name in S3_BY_QUERY:
        if method == its_method and parameter in parameters:
            return name
    of_bucket, of_object = S3_BY_METHOD.get(method, (method, method))
    names_object = "/" in path.strip("/")
    if names_object and method == "PUT" and b"x-amz-copy-source" in headers:
        return "CopyObject"
    return of_object if names_object else of_bucket
