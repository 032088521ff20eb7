"""The signature of a role's credentials is worth nothing once their session token has ended, presigned or not."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local.objects.stores import Store, code_of


def until(**offset: float) -> str:
    return f"until-{int((datetime.now(UTC) + timedelta(**offset)).timestamp())}"


@pytest.mark.parametrize("ends", [True, False])
def test_a_token_that_has_not_ended_is_accepted(store: Store, http: httpx.Client, bucket: str, ends: bool) -> None:
    s3 = store.client(session_token=until(hours=1) if ends else "a token of AWS")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert http.get(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})).content == b"x"


def test_a_token_that_has_ended_is_refused(store: Store, http: httpx.Client, bucket: str) -> None:
    s3 = store.client(session_token=until(seconds=-1))
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert code_of(refused) == "ExpiredToken"
    response = http.put(s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "a"}), content=b"x")
    assert (response.status_code, code_of(response)) == (400, "ExpiredToken")
