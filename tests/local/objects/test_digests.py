"""A body that does not match its request is refused and not stored."""

import base64
import hashlib
import zlib
from typing import Any

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.local.objects.stores import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Store, code_of

BODY = b"a body that has digests"
DIGESTS = {
    "ChecksumSHA256": base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
    "ChecksumSHA1": base64.b64encode(hashlib.sha1(BODY, usedforsecurity=False).digest()).decode(),
    "ChecksumCRC32": base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode(),
}


def is_absent(s3: Any, bucket: str, key: str = "a") -> bool:
    return key not in [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


@pytest.mark.parametrize("name", ["ChecksumSHA256", "ChecksumSHA1", "ChecksumCRC32"])
def test_a_right_checksum_is_stored_and_returned(s3: Any, bucket: str, name: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=BODY, **{name: DIGESTS[name]})
    got = s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (got[name], got["Body"].read()) == (DIGESTS[name], BODY)


def test_a_put_returns_the_verified_checksum(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="a", Body=BODY, ChecksumSHA256=DIGESTS["ChecksumSHA256"])
    assert (put["ChecksumSHA256"], put["ChecksumType"]) == (DIGESTS["ChecksumSHA256"], "FULL_OBJECT")


@pytest.mark.parametrize("name", ["ChecksumSHA256", "ChecksumSHA1", "ChecksumCRC32"])
def test_a_wrong_checksum_is_refused(s3: Any, bucket: str, name: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="a", Body=BODY + b"!", **{name: DIGESTS[name]})
    assert code_of(error) in ("BadDigest", "XAmzContentChecksumMismatch")
    assert is_absent(s3, bucket)


def test_a_checksum_that_is_no_sha256_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="a", Body=BODY, ChecksumSHA256="bm90IGEgZGlnZXN0")
    assert code_of(error) == "InvalidRequest"
    assert is_absent(s3, bucket)


def test_the_checksum_of_an_object_is_not_returned_for_a_range(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=BODY, ChecksumSHA256=DIGESTS["ChecksumSHA256"])
    got = s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED", Range="bytes=0-3")
    assert "ChecksumSHA256" not in got
    assert got["Body"].read() == BODY[:4]


def test_a_wrong_md5_is_refused(s3: Any, bucket: str) -> None:
    right = base64.b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode()
    s3.put_object(Bucket=bucket, Key="right", Body=BODY, ContentMD5=right)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="a", Body=BODY + b"!", ContentMD5=right)
    assert code_of(error) == "BadDigest"
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="a", Body=BODY, ContentMD5="not base64")
    assert code_of(error) == "InvalidDigest"
    assert is_absent(s3, bucket)


def send(store: Store, bucket: str, key: str, body: bytes, **headers: str) -> httpx.Response:
    """Send a PUT signed over exactly these headers, regardless of the body."""
    url = f"{store.endpoint}/{bucket}/{key}"
    request = AWSRequest("PUT", url, headers=headers, data=body)
    signer = ExactPayload(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "s3", REGION)
    signer.payload_text = headers.get("x-amz-content-sha256", "")
    signer.add_auth(request)
    with httpx.Client(trust_env=False, timeout=30) as http:
        return http.put(url, content=body, headers=dict(request.headers))


class ExactPayload(S3SigV4Auth):
    """botocore's signer with a fixed payload hash instead of the body's."""

    payload_text = ""

    def payload(self, request: AWSRequest) -> str:
        return self.payload_text or super().payload(request)


def test_a_body_other_than_the_signed_one_is_refused(s3: Any, store: Store, bucket: str) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    response = send(store, bucket, "a", BODY, **{"x-amz-content-sha256": other})
    assert (response.status_code, code_of(response)) == (400, "XAmzContentSHA256Mismatch")
    assert is_absent(s3, bucket)


def test_an_unsigned_payload_is_accepted(s3: Any, store: Store, bucket: str) -> None:
    response = send(store, bucket, "a", BODY, **{"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert response.status_code == 200
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == BODY


def trailing(body: bytes, checksum: str) -> bytes:
    return b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % (len(body), body, checksum.encode())


def trailer_headers(length: int) -> dict[str, str]:
    return {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(length),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
    }


def test_a_checksum_may_come_after_the_body(s3: Any, store: Store, bucket: str) -> None:
    response = send(store, bucket, "a", trailing(BODY, DIGESTS["ChecksumCRC32"]), **trailer_headers(len(BODY)))
    assert response.status_code == 200
    got = s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ChecksumCRC32"]) == (BODY, DIGESTS["ChecksumCRC32"])
    assert "ContentEncoding" not in got


def test_a_wrong_checksum_after_the_body_is_refused(s3: Any, store: Store, bucket: str) -> None:
    response = send(
        store, bucket, "a", trailing(BODY + b"!", DIGESTS["ChecksumCRC32"]), **trailer_headers(len(BODY) + 1)
    )
    assert (response.status_code, code_of(response)) == (400, "BadDigest")
    assert is_absent(s3, bucket)


def test_a_body_shorter_than_declared_is_refused(s3: Any, store: Store, bucket: str) -> None:
    response = send(store, bucket, "a", trailing(BODY, DIGESTS["ChecksumCRC32"]), **trailer_headers(len(BODY) + 1))
    assert (response.status_code, code_of(response)) == (400, "IncompleteBody")
    assert is_absent(s3, bucket)


@pytest.mark.parametrize("broken", [b"zz\r\n", b"5\r\nhello!\r\n0\r\n\r\n", b"5\r\nhello\r\n", b"5" * 9_000])
def test_a_broken_encoding_is_refused(s3: Any, store: Store, bucket: str, broken: bytes) -> None:
    response = send(store, bucket, "a", broken, **trailer_headers(5))
    assert response.status_code == 400
    assert is_absent(s3, bucket)


def test_more_than_5_gib_in_one_put_is_refused_before_it_is_sent(s3: Any, store: Store, bucket: str) -> None:
    headers = trailer_headers(5 * 1024**3 + 1)
    response = send(store, bucket, "a", b"", **headers)
    assert (response.status_code, code_of(response)) == (400, "EntityTooLarge")
