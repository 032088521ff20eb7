"""Single objects: put, get, head, delete and copy, with conditions and ranges."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local.objects.stores import code_of

AWKWARD_KEYS = (
    "../../etc/passwd",
    "..",
    ".",
    "/leading",
    "trailing/",
    "double//slash",
    "a/./b",
    "space and+plus",
    "percent%2F%00",
    "ключ/写真/📷.jpg",
    "question?and#hash&amp;<xml>",
    "quote'\"quote",
    "~tilde*star!",
    "k" * 1024,
    "ü" * 512,
)


def test_an_object_is_returned_as_it_was_put(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"bytes", ContentType="image/webp", Metadata={"colour": "blue"})
    got = s3.get_object(Bucket=bucket, Key="a")
    assert got["Body"].read() == b"bytes"
    assert (got["ContentType"], got["ContentLength"], got["Metadata"]) == ("image/webp", 5, {"colour": "blue"})
    assert got["ETag"] == put["ETag"]
    assert got["AcceptRanges"] == "bytes"


def test_an_empty_object_is_an_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""
    assert s3.head_object(Bucket=bucket, Key="empty")["ContentLength"] == 0


@pytest.mark.parametrize("key", AWKWARD_KEYS)
def test_any_key_identifies_its_own_object(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    s3.put_object(Bucket=bucket, Key="other", Body=b"other")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {key, "other"}
    s3.delete_object(Bucket=bucket, Key=key)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["other"]


def test_a_key_of_more_than_1024_bytes_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="ü" * 513, Body=b"")
    assert code_of(error) == "KeyTooLongError"


def test_the_last_put_wins(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"first", Metadata={"old": "1"})
    s3.put_object(Bucket=bucket, Key="a", Body=b"second!")
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["Body"].read(), got["Metadata"]) == (b"second!", {})


def test_an_absent_object_is_no_such_key(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="absent")
    assert code_of(error) == "NoSuchKey"
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=bucket, Key="absent")
    assert code_of(error) == "404"


def test_an_absent_bucket_is_no_such_bucket(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="nobody-made-this", Key="a", Body=b"")
    assert code_of(error) == "NoSuchBucket"
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="nobody-made-this")
    assert code_of(error) == "404"


def test_deleting_twice_is_no_error(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_object(Bucket=bucket, Key="a")
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="a")


def test_many_objects_are_deleted_in_one_request(s3: Any, bucket: str) -> None:
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"<{number}>", Body=b"x")
    named = [{"Key": f"<{number}>"} for number in range(4)] + [{"Key": "absent"}]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": named})["Deleted"]
    assert [entry["Key"] for entry in deleted] == [entry["Key"] for entry in named]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["<4>"]
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})


@pytest.mark.parametrize(
    ("requested", "start", "end"),
    [("bytes=0-0", 0, 0), ("bytes=2-4", 2, 4), ("bytes=5-", 5, 9), ("bytes=-3", 7, 9), ("bytes=8-100", 8, 9)],
)
def test_a_range_returns_206(s3: Any, bucket: str, requested: str, start: int, end: int) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="a", Range=requested)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == f"bytes {start}-{end}/10"
    assert got["Body"].read() == b"0123456789"[start : end + 1]


@pytest.mark.parametrize("requested", ["bytes=10-", "bytes=100-200", "bytes=-0"])
def test_a_range_past_the_end_is_416(s3: Any, bucket: str, requested: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="a", Range=requested)
    assert code_of(error) == "InvalidRange"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416


@pytest.mark.parametrize("requested", ["bytes=1-2,4-5", "bytes=4-2", "lines=1-2", "bytes=x-"])
def test_an_unsupported_range_returns_the_whole_object(s3: Any, bucket: str, requested: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="a", Range=requested)
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (200, b"0123456789")


def test_a_client_that_has_the_version_gets_304(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    head = s3.head_object(Bucket=bucket, Key="a")
    for condition in ({"IfNoneMatch": head["ETag"]}, {"IfModifiedSince": head["LastModified"]}):
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=bucket, Key="a", **condition)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    earlier = head["LastModified"] - timedelta(seconds=5)
    assert s3.get_object(Bucket=bucket, Key="a", IfModifiedSince=earlier)["Body"].read() == b"x"
    assert s3.get_object(Bucket=bucket, Key="a", IfNoneMatch='"other"')["Body"].read() == b"x"


def test_a_client_that_expects_another_version_gets_412(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    head = s3.head_object(Bucket=bucket, Key="a")
    earlier = head["LastModified"] - timedelta(seconds=5)
    for condition in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": earlier}):
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=bucket, Key="a", **condition)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3.get_object(Bucket=bucket, Key="a", IfMatch=head["ETag"], IfUnmodifiedSince=earlier)["Body"].read() == b"x"


def test_a_put_if_absent_does_not_replace_an_existing_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="a", Body=b"second", IfNoneMatch="*")
    assert code_of(error) == "PreconditionFailed"
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"first"


def test_a_read_may_override_response_headers(s3: Any, bucket: str) -> None:
    disposition = 'attachment; filename="photo.jpg"'
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ContentDisposition=disposition, CacheControl="max-age=60")
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["ContentDisposition"], got["CacheControl"]) == (disposition, "max-age=60")
    got = s3.get_object(
        Bucket=bucket,
        Key="a",
        ResponseContentType="image/png",
        ResponseContentDisposition="inline",
        ResponseCacheControl="no-store",
    )
    assert (got["ContentType"], got["ContentDisposition"], got["CacheControl"]) == ("image/png", "inline", "no-store")


def test_a_copy_survives_the_original(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"bytes", ContentType="image/png")
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    s3.delete_object(Bucket=bucket, Key="a")
    got = s3.get_object(Bucket=bucket, Key="b")
    assert (got["Body"].read(), got["ContentType"]) == (b"bytes", "image/png")
    s3.delete_object(Bucket=bucket, Key="b")


def test_an_unknown_sub_resource_is_never_taken_for_the_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    with pytest.raises(ClientError) as error:
        s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": []})
    assert code_of(error) == "NotImplemented"
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"


def test_no_response_lets_a_browser_guess_its_type(s3: Any, bucket: str, http: httpx.Client) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"<script>")
    response = http.get(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"}))
    assert response.headers["x-content-type-options"] == "nosniff"
    assert http.get(f"/{bucket}/a").headers["x-content-type-options"] == "nosniff"
