"""Multipart uploads: resumed from the store's list of parts, verified at completion, deleted when aborted."""

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.objects.stores import MEBIBYTE, code_of

PART = 5 * MEBIBYTE
FIRST, SECOND, LAST = b"1" * PART, b"2" * PART, b"the end"


@pytest.fixture
def upload(s3: Any, bucket: str) -> dict[str, str]:
    """Create an upload whose parts carry SHA-256 checksums, like Darkroom's."""
    created = s3.create_multipart_upload(
        Bucket=bucket,
        Key="movie",
        ContentType="video/mp4",
        ContentDisposition="attachment",
        ChecksumAlgorithm="SHA256",
        ChecksumType="COMPOSITE",
    )
    assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == ("SHA256", "COMPOSITE")
    return {"Bucket": bucket, "Key": "movie", "UploadId": created["UploadId"]}


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def put_part(s3: Any, upload: dict[str, str], number: int, body: bytes) -> dict[str, Any]:
    """Upload a part and return its entry for `complete`."""
    put = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumSHA256=sha256(body))
    return {"PartNumber": number, "ETag": put["ETag"], "ChecksumSHA256": put["ChecksumSHA256"]}


def complete(s3: Any, upload: dict[str, str], parts: list[dict[str, Any]]) -> Any:
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def error_of(s3: Any, upload: dict[str, str], parts: list[dict[str, Any]]) -> str:
    with pytest.raises(ClientError) as error:
        complete(s3, upload, parts)
    return code_of(error)


def test_parts_in_any_order_become_one_object(s3: Any, upload: dict[str, str], bucket: str) -> None:
    last, first, second = (put_part(s3, upload, *part) for part in ((7, LAST), (1, FIRST), (2, SECOND)))
    completed = complete(s3, upload, [first, second, last])
    joined = b"".join(hashlib.sha256(part).digest() for part in (FIRST, SECOND, LAST))
    assert completed["ChecksumSHA256"] == f"{sha256(joined)}-3"
    head = s3.head_object(Bucket=bucket, Key="movie", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (f"{sha256(joined)}-3", "COMPOSITE")
    assert (head["ETag"], head["ContentLength"]) == (completed["ETag"], 2 * PART + len(LAST))
    assert (head["ContentType"], head["ContentDisposition"]) == ("video/mp4", "attachment")
    assert s3.get_object(Bucket=bucket, Key="movie")["Body"].read() == FIRST + SECOND + LAST
    assert completed["ETag"].endswith('-3"')


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0), (PART - 1, PART), (PART, PART), (10, 2 * PART + 3), (2 * PART, 2 * PART + 6)]
)
def test_a_range_crosses_parts(s3: Any, upload: dict[str, str], bucket: str, start: int, end: int) -> None:
    complete(s3, upload, [put_part(s3, upload, *part) for part in ((1, FIRST), (2, SECOND), (3, LAST))])
    got = s3.get_object(Bucket=bucket, Key="movie", Range=f"bytes={start}-{end}")
    assert got["Body"].read() == (FIRST + SECOND + LAST)[start : end + 1]


def test_an_incomplete_upload_is_not_visible(s3: Any, upload: dict[str, str], bucket: str) -> None:
    put_part(s3, upload, 1, LAST)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    with pytest.raises(ClientError):
        s3.head_object(Bucket=bucket, Key="movie")


def test_the_store_lists_the_uploaded_parts(s3: Any, upload: dict[str, str]) -> None:
    for number in (3, 1, 10):
        put_part(s3, upload, number, b"%d" % number)
    listed = s3.list_parts(**upload)
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 3, 10]
    assert [part["Size"] for part in listed["Parts"]] == [1, 1, 2]
    assert [part["ChecksumSHA256"] for part in listed["Parts"]] == [sha256(b"1"), sha256(b"3"), sha256(b"10")]


def test_the_list_of_parts_names_the_checksum(s3: Any, upload: dict[str, str]) -> None:
    listed = s3.list_parts(**upload)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ("SHA256", "COMPOSITE")


def test_parts_are_listed_in_pages(s3: Any, upload: dict[str, str]) -> None:
    for number in range(1, 8):
        put_part(s3, upload, number, b"x")
    collected = s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 3})
    assert [[part["PartNumber"] for part in page["Parts"]] for page in collected] == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_part_sent_again_replaces_the_first(s3: Any, upload: dict[str, str], bucket: str) -> None:
    first = put_part(s3, upload, 1, b"first")
    second = put_part(s3, upload, 1, b"second")
    assert error_of(s3, upload, [first]) == "InvalidPart"
    complete(s3, upload, [second])
    assert s3.get_object(Bucket=bucket, Key="movie")["Body"].read() == b"second"


def test_completing_again_returns_the_same(s3: Any, upload: dict[str, str]) -> None:
    parts = [put_part(s3, upload, 1, LAST)]
    assert complete(s3, upload, parts)["ETag"] == complete(s3, upload, parts)["ETag"]


def test_a_part_that_was_never_sent_is_refused(s3: Any, upload: dict[str, str]) -> None:
    part = put_part(s3, upload, 1, LAST)
    assert error_of(s3, upload, [part, {**part, "PartNumber": 2}]) == "InvalidPart"


def test_another_entity_tag_is_refused(s3: Any, upload: dict[str, str]) -> None:
    part = put_part(s3, upload, 1, LAST)
    assert error_of(s3, upload, [{**part, "ETag": '"0123456789abcdef0123456789abcdef"'}]) == "InvalidPart"


def test_another_checksum_is_refused(s3: Any, upload: dict[str, str]) -> None:
    part = put_part(s3, upload, 1, LAST)
    assert error_of(s3, upload, [{**part, "ChecksumSHA256": sha256(b"other")}]) == "InvalidPart"


def test_a_missing_checksum_is_refused(s3: Any, upload: dict[str, str]) -> None:
    part = put_part(s3, upload, 1, LAST)
    assert error_of(s3, upload, [{"PartNumber": 1, "ETag": part["ETag"]}]) == "InvalidRequest"


def test_a_part_without_the_announced_checksum_is_refused(s3: Any, upload: dict[str, str]) -> None:
    with pytest.raises(ClientError) as error:
        s3.upload_part(**upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")
    assert code_of(error) == "InvalidRequest"


def test_parts_out_of_order_are_refused(s3: Any, upload: dict[str, str]) -> None:
    first, second = put_part(s3, upload, 1, FIRST), put_part(s3, upload, 2, LAST)
    assert error_of(s3, upload, [second, first]) == "InvalidPartOrder"
    assert error_of(s3, upload, [first, first]) == "InvalidPartOrder"


def test_a_small_part_before_the_last_is_refused(s3: Any, upload: dict[str, str]) -> None:
    parts = [put_part(s3, upload, 1, FIRST[:-1]), put_part(s3, upload, 2, LAST)]
    assert error_of(s3, upload, parts) == "EntityTooSmall"


def test_an_upload_without_parts_is_refused(s3: Any, upload: dict[str, str]) -> None:
    assert error_of(s3, upload, []) == "MalformedXML"


def test_parts_that_completion_does_not_name_are_omitted(s3: Any, upload: dict[str, str], bucket: str) -> None:
    put_part(s3, upload, 1, b"out")
    complete(s3, upload, [put_part(s3, upload, 2, b"in")])
    assert s3.get_object(Bucket=bucket, Key="movie")["Body"].read() == b"in"


def test_an_aborted_upload_is_gone(s3: Any, upload: dict[str, str]) -> None:
    part = put_part(s3, upload, 1, LAST)
    s3.abort_multipart_upload(**upload)
    assert error_of(s3, upload, [part]) == "NoSuchUpload"
    for call in (s3.list_parts, s3.abort_multipart_upload):
        with pytest.raises(ClientError) as error:
            call(**upload)
        assert code_of(error) == "NoSuchUpload"
    with pytest.raises(ClientError) as error:
        put_part(s3, upload, 2, LAST)
    assert code_of(error) == "NoSuchUpload"


def test_an_upload_belongs_to_its_key(s3: Any, upload: dict[str, str]) -> None:
    with pytest.raises(ClientError) as error:
        put_part(s3, {**upload, "Key": "other"}, 1, LAST)
    assert code_of(error) == "NoSuchUpload"


@pytest.mark.parametrize("number", [0, 10_001])
def test_a_part_has_a_number_from_1_to_10000(s3: Any, upload: dict[str, str], number: int) -> None:
    with pytest.raises(ClientError) as error:
        put_part(s3, upload, number, LAST)
    assert code_of(error) == "InvalidArgument"


def test_uploads_in_progress_are_listed(s3: Any, bucket: str) -> None:
    started = []
    for key in ("b", "a", "d", "c/1"):
        created = s3.create_multipart_upload(Bucket=bucket, Key=key)
        started.append((key, created["UploadId"]))
    collected = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    listed = [(entry["Key"], entry["UploadId"]) for page in collected for entry in page["Uploads"]]
    assert listed == sorted(started)
    prefixed = s3.list_multipart_uploads(Bucket=bucket, Prefix="c/")["Uploads"]
    assert [entry["Key"] for entry in prefixed] == ["c/1"]


def test_uploads_of_one_key_are_listed_by_age(s3: Any, bucket: str) -> None:
    started = [s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"] for _ in range(5)]
    collected = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [entry["UploadId"] for page in collected for entry in page["Uploads"]] == started


def test_a_multipart_object_is_replaced_copied_and_deleted_like_any_other(
    s3: Any, upload: dict[str, str], bucket: str
) -> None:
    complete(s3, upload, [put_part(s3, upload, *part) for part in ((1, FIRST), (2, LAST))])
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "movie"})
    s3.put_object(Bucket=bucket, Key="movie", Body=b"short")
    assert s3.get_object(Bucket=bucket, Key="movie")["Body"].read() == b"short"
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == FIRST + LAST
    s3.delete_object(Bucket=bucket, Key="copy")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["movie"]


def test_an_upload_without_a_declared_checksum_accepts_any(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "plain"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    put = s3.upload_part(**named, PartNumber=1, Body=LAST)
    complete(s3, named, [{"PartNumber": 1, "ETag": put["ETag"]}])
    assert s3.get_object(Bucket=bucket, Key="plain")["Body"].read() == LAST
