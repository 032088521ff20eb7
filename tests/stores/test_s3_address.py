"""Presigned URLs lead to the origin that the page's policy names: both follow from the same settings."""

from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import ValidationError

from app.stores.clients import Endpoints, open_amazon
from darkroom_process.s3_address import origin_of
from tests.aws_environment import aws_credentials
from tests.services import TOPIC_ARN, Stores
from tests.web.servers import BUCKET, serving_web

AWS = Endpoints(dynamodb=None, s3=None, s3_public=None, sqs=None, sns=None)


async def presigned(endpoints: Endpoints, region: str) -> str:
    async with AsyncExitStack() as stack:
        with aws_credentials():
            amazon = await open_amazon(stack, endpoints, region=region, bucket=BUCKET, topic_arn=TOPIC_ARN)
        url, _ = await amazon.objects.presign_put(
            "folder/name", size_bytes=1, sha256_hex="00" * 32, name="a.jpg", valid_seconds=60
        )
    return url


def origins_that_the_page_may_connect_to(objects_url: str | None, region: str) -> list[str]:
    with serving_web("http://127.0.0.1:1", objects_url=objects_url, region=region) as url:
        policy = httpx.get(url, trust_env=False).headers["Content-Security-Policy"]
    (sources,) = (rule for rule in policy.split("; ") if rule.startswith("connect-src"))
    return sources.split()[1:]


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "darkroom.s3.eu-central-1.amazonaws.com"),
        ("us-east-1", "darkroom.s3.us-east-1.amazonaws.com"),
        ("cn-north-1", "darkroom.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
async def test_at_aws_it_is_the_host_of_bucket_and_region(region: str, host: str) -> None:
    url = urlsplit(await presigned(AWS, region))
    assert (url.scheme, url.hostname, url.path) == ("https", host, "/folder/name")
    assert f"https://{host}" in origins_that_the_page_may_connect_to(None, region)


@pytest.mark.parametrize(
    "public", ["https://photos.example.com:8443", "http://[::1]:8081", "https://s3.example.com:443"]
)
async def test_at_an_emulator_it_is_the_endpoint_for_browsers(public: str) -> None:
    endpoints = Endpoints(dynamodb=None, s3="http://10.0.0.1:8081", s3_public=public, sqs=None, sns=None)
    url = await presigned(endpoints, "eu-central-1")
    assert urlsplit(url).path == f"/{BUCKET}/folder/name"
    assert origin_of(url) in origins_that_the_page_may_connect_to(public, "eu-central-1")


def test_a_bucket_name_with_a_dot_is_refused_because_of_tls(stores: Stores) -> None:
    with pytest.raises(ValidationError, match="bucket"):
        stores.settings(bucket="photos.example.com")
