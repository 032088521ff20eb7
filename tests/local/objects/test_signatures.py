"""The store serves only requests signed with the credential, and only exactly as signed."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import pytest
from botocore.exceptions import ClientError

from local.objects.errors import S3Error
from local.objects.requests import read_request
from local.objects.signatures import Credential, authenticate
from tests.local.objects.stores import Store, code_of

BODY = b"photo"
DIGEST = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
BOUND = {
    "ContentLength": len(BODY),
    "ContentType": "application/octet-stream",
    "ContentDisposition": "attachment",
    "ChecksumSHA256": DIGEST,
}
BOUND_HEADERS = {
    "content-length": str(len(BODY)),
    "content-type": "application/octet-stream",
    "content-disposition": "attachment",
    "x-amz-checksum-sha256": DIGEST,
}


@pytest.fixture
def presigned_put(s3: Any, bucket: str) -> str:
    """A PUT URL as Darkroom issues it to a browser: size, type, disposition and digest are bound."""
    url: str = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "a", **BOUND}, ExpiresIn=600)
    return url


@pytest.fixture
def presigned_get(s3: Any, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=BODY)
    url: str = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b/ü"}, ExpiresIn=600)
    return url


def with_parameter(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    query = [(key, value if key == name else old) for key, old in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def test_a_presigned_put_with_its_bound_headers_is_accepted(
    s3: Any, http: httpx.Client, presigned_put: str, bucket: str
) -> None:
    response = http.put(presigned_put, content=BODY, headers=BOUND_HEADERS)
    assert response.status_code == 200
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["Body"].read(), got["ContentDisposition"]) == (BODY, "attachment")


@pytest.mark.parametrize(
    "change",
    [
        {"content-type": "text/html"},
        {"content-disposition": "inline"},
        {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"other").digest()).decode()},
    ],
)
def test_a_presigned_put_with_other_headers_is_refused(
    s3: Any, http: httpx.Client, presigned_put: str, bucket: str, change: dict[str, str]
) -> None:
    response = http.put(presigned_put, content=BODY, headers=BOUND_HEADERS | change)
    assert (response.status_code, code_of(response)) == (403, "SignatureDoesNotMatch")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_presigned_put_of_another_length_is_refused(http: httpx.Client, presigned_put: str) -> None:
    headers = BOUND_HEADERS | {"content-length": str(len(BODY) + 1)}
    response = http.put(presigned_put, content=BODY + b"!", headers=headers)
    assert (response.status_code, code_of(response)) == (403, "SignatureDoesNotMatch")


def test_a_presigned_put_without_a_bound_header_is_refused(http: httpx.Client, presigned_put: str) -> None:
    headers = {name: value for name, value in BOUND_HEADERS.items() if name != "content-disposition"}
    assert http.put(presigned_put, content=BODY, headers=headers).status_code == 403


def test_other_bytes_under_a_bound_digest_are_refused(
    s3: Any, http: httpx.Client, presigned_put: str, bucket: str
) -> None:
    response = http.put(presigned_put, content=b"ph0to", headers=BOUND_HEADERS)
    assert (response.status_code, code_of(response)) == (400, "BadDigest")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_presigned_get_is_accepted(http: httpx.Client, presigned_get: str) -> None:
    assert http.get(presigned_get).content == BODY
    assert http.get(presigned_get, headers={"range": "bytes=1-2"}).content == BODY[1:3]


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "POST"])
def test_a_presigned_get_is_refused_with_another_method(http: httpx.Client, presigned_get: str, method: str) -> None:
    assert http.request(method, presigned_get).status_code == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Amz-Expires", "604800"), ("X-Amz-Signature", "0" * 64), ("X-Amz-Date", "20260101T000000Z")],
)
def test_a_changed_query_is_refused(http: httpx.Client, presigned_get: str, name: str, value: str) -> None:
    assert http.get(with_parameter(presigned_get, name, value)).status_code == 403


@pytest.mark.parametrize("added", ["&response-content-type=text/html", "&versionId=1"])
def test_an_added_parameter_is_refused(http: httpx.Client, presigned_get: str, added: str) -> None:
    assert http.get(presigned_get + added).status_code in (400, 403)


@pytest.mark.parametrize("path", ["a%20b/%C3%BC/../other", "a%20b/%2e%2e/other", "other", "A%20b/%C3%BC"])
def test_a_changed_path_is_refused(s3: Any, http: httpx.Client, presigned_get: str, bucket: str, path: str) -> None:
    s3.put_object(Bucket=bucket, Key="other", Body=b"secret")
    parts = urlsplit(presigned_get)
    response = http.get(urlunsplit(parts._replace(path=f"/{bucket}/{path}")))
    assert response.status_code == 403
    assert b"secret" not in response.content


def test_an_unsigned_header_that_changes_the_request_is_refused(http: httpx.Client, presigned_put: str) -> None:
    headers = BOUND_HEADERS | {"x-amz-meta-added": "1"}
    assert (http.put(presigned_put, content=BODY, headers=headers).status_code) == 403


def test_an_anonymous_request_is_refused(http: httpx.Client, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=BODY)
    for method, path in (("GET", "/a"), ("PUT", "/b"), ("GET", ""), ("DELETE", "/a"), ("POST", "?delete")):
        response = http.request(method, f"/{bucket}{path}")
        assert (response.status_code, code_of(response)) == (403, "AccessDenied")


def test_another_secret_is_refused(store: Store, bucket: str) -> None:
    client = store.client(secret_access_key="another")
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="a", Body=BODY)
    assert code_of(error) == "SignatureDoesNotMatch"


def test_another_key_id_is_refused(store: Store, bucket: str) -> None:
    client = store.client(access_key_id="AKIDSTRANGER")
    with pytest.raises(ClientError) as error:
        client.list_objects_v2(Bucket=bucket)
    assert code_of(error) == "InvalidAccessKeyId"


def test_signed_twice_is_refused(http: httpx.Client, presigned_get: str) -> None:
    response = http.get(presigned_get, headers={"authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert response.status_code == 400


SIGNED_AT = datetime(2013, 5, 24, tzinfo=UTC)
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
EXAMPLE = Credential("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_QUERY = (
    b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
    b"aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&"
    b"X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


async def nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


def authenticate_example(now: datetime, query: bytes = EXAMPLE_QUERY) -> str:
    headers = [(b"host", b"examplebucket.s3.amazonaws.com")]
    scope = {"method": "GET", "raw_path": b"/test.txt", "query_string": query, "headers": headers}
    return authenticate(read_request(scope, nothing), EXAMPLE, now).region


def test_the_published_example_of_a_presigned_url_is_accepted() -> None:
    assert authenticate_example(SIGNED_AT) == "us-east-1"
    assert authenticate_example(SIGNED_AT + timedelta(hours=24)) == "us-east-1"


def test_a_presigned_url_expires_at_its_exact_second() -> None:
    with pytest.raises(S3Error) as error:
        authenticate_example(SIGNED_AT + timedelta(hours=24, seconds=1))
    assert (error.value.code, error.value.status, error.value.message) == ("AccessDenied", 403, "Request has expired")


def test_a_presigned_url_of_the_future_is_refused() -> None:
    with pytest.raises(S3Error, match="not valid yet"):
        authenticate_example(SIGNED_AT - timedelta(minutes=16))


@pytest.mark.parametrize(
    "expires", [b"", b"0", b"604801", b"-1", b"1.5", b"00000001" + b"9" * 20, b"1" * 5000], ids=len
)
def test_an_invalid_validity_is_refused(expires: bytes) -> None:
    query = EXAMPLE_QUERY.replace(b"Expires=86400", b"Expires=" + expires)
    with pytest.raises(S3Error) as error:
        authenticate_example(SIGNED_AT, query)
    assert error.value.code == "AuthorizationQueryParametersError"
