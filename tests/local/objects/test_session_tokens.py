"""The signature of a role's credentials is worth nothing once their session token has ended, presigned or not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.objects.stores import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Store, code_of


def client(store: Store, token: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        aws_session_token=token,
        config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def until(**offset: float) -> str:
    return f"until-{int((datetime.now(UTC) + timedelta(**offset)).timestamp())}"


@pytest.mark.parametrize("ends", [True, False])
def test_a_token_that_has_not_ended_is_accepted(store: Store, http: httpx.Client, bucket: str, ends: bool) -> None:
    s3 = client(store, until(hours=1) if ends else "a token of AWS")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert http.get(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})).content == b"x"


def test_a_token_that_has_ended_is_refused(store: Store, http: httpx.Client, bucket: str) -> None:
    s3 = client(store, until(seconds=-1))
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert code_of(refused) == "ExpiredToken"
    response = http.put(s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "a"}), content=b"x")
    assert (response.status_code, code_of(response)) == (400, "ExpiredToken")
