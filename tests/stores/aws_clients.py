"""The clients of AWS on one endpoint, which a test serves itself."""

from contextlib import AsyncExitStack

from app.stores.clients import AmazonStores, Endpoints, open_amazon
from tests.aws_environment import aws_credentials
from tests.services import BUCKET, REGION, TOPIC_ARN


async def open_clients(stack: AsyncExitStack, url: str) -> AmazonStores:
    """Open the clients of all services on `url`."""
    endpoints = Endpoints(dynamodb=url, s3=url, s3_public=url, sqs=url, sns=url)
    with aws_credentials():
        return await open_amazon(stack, endpoints, region=REGION, bucket=BUCKET, topic_arn=TOPIC_ARN)
