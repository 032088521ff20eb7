"""Listing with prefixes, delimiters and pages, compared with a simple listing of a sorted set of keys."""

import secrets
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local.objects.stores import Store, code_of

KEYS = ("a", "a-b", "a.b", "a/", "a//", "a/b", "a/b/c", "a/b0", "a0", "b/1", "b/2", "é/ü", "zz", "📷/1", "📷/2")


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    return bucket


def pages(s3: Any, bucket: str, **arguments: Any) -> list[tuple[list[str], list[str]]]:
    """Return the keys and common prefixes of each page."""
    collected = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **arguments)
    return [
        ([e["Key"] for e in page.get("Contents", ())], [e["Prefix"] for e in page.get("CommonPrefixes", ())])
        for page in collected
    ]


def expected(keys: set[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
    objects, groups = [], set()
    for key in sorted((key for key in keys if key.startswith(prefix)), key=str.encode):
        head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        if cut:
            groups.add(prefix + head + cut)
        else:
            objects.append(key)
    return objects, sorted(groups, key=str.encode)


@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/b", "b/", "é", "📷/", "absent"])
@pytest.mark.parametrize("delimiter", ["", "/", "b"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pages_hold_every_key_and_group_once_and_in_order(
    s3: Any, filled: str, prefix: str, delimiter: str, size: int
) -> None:
    collected = pages(s3, filled, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": size})
    assert all(len(keys) + len(groups) <= size for keys, groups in collected)
    all_keys = [key for keys, _ in collected for key in keys]
    all_groups = [group for _, groups in collected for group in groups]
    assert (all_keys, all_groups) == expected(set(KEYS), prefix, delimiter)


def test_a_listing_may_start_after_a_key(s3: Any, filled: str) -> None:
    (collected,) = pages(s3, filled, StartAfter="a/b")
    assert collected[0] == sorted((key for key in KEYS if key.encode() > b"a/b"), key=str.encode)


def test_a_listing_contains_what_a_client_needs_to_compare(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"12345")
    (entry,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    head = s3.head_object(Bucket=bucket, Key="a")
    assert (entry["Size"], entry["ETag"]) == (5, put["ETag"])
    assert entry["LastModified"].replace(microsecond=0) == head["LastModified"]


def test_an_empty_page_is_the_end(s3: Any, filled: str) -> None:
    response = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (response["KeyCount"], response["IsTruncated"]) == (0, False)


def test_a_malformed_continuation_token_is_refused(s3: Any, filled: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket=filled, ContinuationToken="*not a token*")
    assert code_of(error) == "InvalidArgument"


def test_a_key_put_or_deleted_between_pages_does_not_affect_other_keys(s3: Any, filled: str) -> None:
    first = s3.list_objects_v2(Bucket=filled, MaxKeys=4)
    s3.delete_object(Bucket=filled, Key=first["Contents"][-1]["Key"])
    s3.put_object(Bucket=filled, Key="!early", Body=b"")
    second = s3.list_objects_v2(Bucket=filled, ContinuationToken=first["NextContinuationToken"])
    keys = [entry["Key"] for page in (first, second) for entry in page["Contents"]]
    assert keys == sorted(KEYS, key=str.encode)


def test_buckets_are_listed_and_only_empty_ones_deleted(s3: Any, bucket: str) -> None:
    assert bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket=bucket)
    assert code_of(error) == "BucketNotEmpty"
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)
    assert bucket not in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]


@pytest.mark.parametrize("name", ["UPPER", "a", "under_score", "-dash", "two..dots", "x" * 64])
def test_an_invalid_bucket_name_is_refused(our_store: Store, name: str) -> None:
    client = our_store.client(parameter_validation=False)
    with pytest.raises(ClientError) as error:
        client.create_bucket(Bucket=name)
    assert code_of(error) == "InvalidBucketName"


SEGMENTS = st.text(alphabet="ab/é📷", min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(SEGMENTS, max_size=12), prefix=st.text("ab/é", max_size=2), delimiter=st.sampled_from(["", "/", "é"]),
    size=st.integers(1, 5),
)  # fmt: skip
def test_any_keys_are_listed_as_the_model_lists_them(
    our_store: Store, keys: set[str], prefix: str, delimiter: str, size: int
) -> None:
    client, name = our_store.client(), f"model-{secrets.token_hex(8)}"
    client.create_bucket(Bucket=name)
    for key in keys:
        client.put_object(Bucket=name, Key=key, Body=b"")
    collected = pages(client, name, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": size})
    listed = [key for page, _ in collected for key in page], [group for _, page in collected for group in page]
    assert listed == expected(keys, prefix, delimiter)
    client.close()
