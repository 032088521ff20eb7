"""Dispatch of S3 calls: one table of method, target and sub-resource."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from local.objects import bucket_calls, listing, object_calls, upload_calls
from local.objects.errors import S3Error
from local.objects.requests import Request
from local.objects.responses import Response
from local.objects.signatures import Identity
from local.objects.storage import Storage

Call = Callable[[Request, Identity, Storage, datetime], Awaitable[Response]]

_SERVICE: dict[tuple[str, frozenset[str]], Call] = {("GET", frozenset()): bucket_calls.list_all}
_BUCKET: dict[tuple[str, frozenset[str]], Call] = {
    ("PUT", frozenset()): bucket_calls.create,
    ("HEAD", frozenset()): bucket_calls.head,
    ("DELETE", frozenset()): bucket_calls.delete,
    ("GET", frozenset({"location"})): bucket_calls.location,
    ("PUT", frozenset({"cors"})): bucket_calls.put_cors,
    ("GET", frozenset({"cors"})): bucket_calls.get_cors,
    ("GET", frozenset({"versioning"})): bucket_calls.versioning,
    ("DELETE", frozenset({"cors"})): bucket_calls.delete_cors,
    ("GET", frozenset()): listing.list_objects,
    ("GET", frozenset({"uploads"})): upload_calls.list_all,
    ("POST", frozenset({"delete"})): object_calls.delete_many,
}
_OBJECT: dict[tuple[str, frozenset[str]], Call] = {
    ("PUT", frozenset()): object_calls.put,
    ("GET", frozenset()): object_calls.get,
    ("HEAD", frozenset()): object_calls.head,
    ("DELETE", frozenset()): object_calls.delete,
    ("POST", frozenset({"uploads"})): upload_calls.create,
    ("PUT", frozenset({"partNumber", "uploadId"})): upload_calls.upload_part,
    ("GET", frozenset({"uploadId"})): upload_calls.list_parts,
    ("POST", frozenset({"uploadId"})): upload_calls.complete,
    ("DELETE", frozenset({"uploadId"})): upload_calls.abort,
}
# Parameters that do not select another call. `x-id` names the operation, for logs of some SDKs.
_PARAMETERS = frozenset({
    "list-type", "prefix", "delimiter", "continuation-token", "start-after", "max-keys", "encoding-type", "fetch-owner",
    "part-number-marker", "max-parts", "key-marker", "upload-id-marker", "max-uploads", "max-buckets", "x-id",
})  # fmt: skip


def find_call(request: Request) -> Call:
    """Return the request's call.

    Raises NotImplemented or MethodNotAllowed: an unknown sub-resource is never taken for the object.
    """
    names = {name for name, _ in request.query} - _PARAMETERS
    subresource = frozenset(name for name in names if not name.lower().startswith(("x-amz-", "response-")))
    table = _OBJECT if request.key else _BUCKET if request.bucket else _SERVICE
    call = table.get((request.method, subresource))
    if call is not None:
        return call
    if any(known == subresource for _, known in table):
        raise S3Error("MethodNotAllowed", details={"Method": request.method})
    raise S3Error("NotImplemented", details={"Header": ", ".join(sorted(subresource))})
