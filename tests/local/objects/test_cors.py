"""The bucket's CORS rules decide what a page of another origin may do."""

from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local.objects.stores import code_of

PAGE = "http://127.0.0.1:8080"
RULES = [
    {
        "AllowedOrigins": [PAGE, "https://*.example.org"],
        "AllowedMethods": ["PUT", "GET"],
        "AllowedHeaders": ["content-type", "x-amz-checksum-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


@pytest.fixture
def open_bucket(s3: Any, bucket: str) -> str:
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return bucket


def request(http: httpx.Client, bucket: str, origin: str, method: str, headers: str = "") -> httpx.Response:
    preflight = {"origin": origin, "access-control-request-method": method}
    if headers:
        preflight["access-control-request-headers"] = headers
    return http.options(f"/{bucket}/a", headers=preflight)


def test_cors_rules_round_trip(s3: Any, open_bucket: str) -> None:
    assert s3.get_bucket_cors(Bucket=open_bucket)["CORSRules"] == RULES
    s3.delete_bucket_cors(Bucket=open_bucket)
    with pytest.raises(ClientError) as error:
        s3.get_bucket_cors(Bucket=open_bucket)
    assert code_of(error) == "NoSuchCORSConfiguration"


@pytest.mark.parametrize("origin", [PAGE, "https://photos.example.org"])
def test_an_allowed_page_gets_cors_headers(http: httpx.Client, open_bucket: str, origin: str) -> None:
    response = request(http, open_bucket, origin, "PUT", "Content-Type, x-amz-checksum-sha256")
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    assert "PUT" in response.headers["access-control-allow-methods"]
    assert "x-amz-checksum-sha256" in response.headers["access-control-allow-headers"].lower()
    assert response.headers["access-control-max-age"] == "600"
    assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://evil.example", "PUT", ""),
        (PAGE, "DELETE", ""),
        (PAGE, "PUT", "x-other"),
        (f"{PAGE}.evil.example", "PUT", ""),
        ("https://example.org.evil", "GET", ""),
    ],
)
def test_other_origins_are_refused(
    http: httpx.Client, open_bucket: str, origin: str, method: str, headers: str
) -> None:
    response = request(http, open_bucket, origin, method, headers)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


def test_a_bucket_without_rules_allows_no_origin(http: httpx.Client, bucket: str) -> None:
    assert request(http, bucket, PAGE, "GET").status_code == 403


def test_a_response_is_readable_by_the_requesting_page(s3: Any, http: httpx.Client, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="a", Body=b"x")
    url = s3.generate_presigned_url("get_object", {"Bucket": open_bucket, "Key": "a"})
    response = http.get(url, headers={"origin": PAGE})
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["access-control-expose-headers"] == "ETag"
    assert "access-control-allow-origin" not in http.get(url, headers={"origin": "https://evil.example"}).headers


def test_an_error_response_is_readable_but_not_that_of_an_invalid_signature(
    s3: Any, http: httpx.Client, open_bucket: str
) -> None:
    url = s3.generate_presigned_url("get_object", {"Bucket": open_bucket, "Key": "absent"})
    response = http.get(url, headers={"origin": PAGE})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (404, PAGE)
    unsigned = http.get(f"/{open_bucket}/a", headers={"origin": PAGE})
    assert unsigned.status_code == 403
    assert "access-control-allow-origin" not in unsigned.headers


@pytest.mark.parametrize(
    "rule",
    [
        {"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]},
        {"AllowedOrigins": ["https://*.*"], "AllowedMethods": ["GET"]},
    ],
)
def test_a_bad_rule_is_refused(s3: Any, bucket: str, rule: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert code_of(error) == "InvalidRequest"
