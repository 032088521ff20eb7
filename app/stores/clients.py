"""Opens the AWS clients of a process, one per service; the exit stack closes them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import aioboto3
from aiobotocore.session import get_session
from botocore.loaders import Loader, create_loader

from app.stores.amazon import client_config
from app.stores.aws_errors import AwsErrors
from app.stores.dynamo import Dynamo
from app.stores.resources import COMPLETIONS_TOPIC, PREFIX, ResourceNames
from app.stores.s3 import TRANSFER_READ_SECONDS, ObjectStore
from app.stores.sns import Topics
from app.stores.sqs import POLL_READ_SECONDS, Queues
from darkroom_process.s3_address import s3_address

METADATA_ATTEMPTS = 3
"""At the machine's metadata service, each within a second. The SDK's default is a single one."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URL of each service; None selects AWS itself."""

    dynamodb: str | None
    s3: str | None
    s3_public: str | None
    sqs: str | None
    sns: str | None


@dataclass(frozen=True, slots=True)
class AmazonStores:
    """The clients of AWS, which share connections and the count of errors."""

    dynamo: Dynamo
    objects: ObjectStore
    queues: Queues
    topics: Topics
    errors: AwsErrors


@cache
def _model_loader() -> Loader:
    """Return the loader of the services' models. It keeps what it has read, which takes 0.3 s for our services."""
    return create_loader()


async def open_amazon(
    stack: AsyncExitStack, endpoints: Endpoints, *, region: str, bucket: str, topic_arn: str, prefix: str = PREFIX
) -> AmazonStores:
    """Open all clients. The SDK obtains the credentials: from the environment, a profile, or the machine's role."""
    models = get_session()
    models.register_component("data_loader", _model_loader())
    models.set_config_variable("metadata_service_num_attempts", METADATA_ATTEMPTS)
    # The stubs type client() for literal service names only.
    session: Any = aioboto3.Session(region_name=region, botocore_session=models)

    async def open_client(service: str, endpoint: str | None, **options: Any) -> Any:
        # Without TLS there is nothing to verify, and each client would load the authorities, which takes 40 ms.
        verify = False if endpoint and endpoint.startswith("http:") else None
        client = session.client(service, endpoint_url=endpoint, verify=verify, config=client_config(**options))
        return await stack.enter_async_context(client)

    async def open_s3(endpoint: str | None, **options: Any) -> Any:
        address = s3_address(bucket=bucket, region=region, endpoint=endpoint)
        style = {"addressing_style": "path" if address.path_style else "virtual"}
        return await open_client("s3", address.endpoint, s3=style, signature_version="s3v4", **options)

    dynamodb = await open_client("dynamodb", endpoints.dynamodb)
    s3 = await open_s3(endpoints.s3, read_seconds=TRANSFER_READ_SECONDS)
    public = await open_s3(endpoints.s3_public or endpoints.s3)
    sqs = await open_client("sqs", endpoints.sqs)
    polling = await open_client("sqs", endpoints.sqs, read_seconds=POLL_READ_SECONDS)
    sns = await open_client("sns", endpoints.sns)
    errors, named = AwsErrors(), ResourceNames(prefix)
    credentials = await models.get_credentials()
    return AmazonStores(
        Dynamo(dynamodb, errors, named),
        ObjectStore(s3, public, bucket, errors, lambda: _end_of(credentials)),
        Queues(sqs, polling, errors, named),
        Topics(sns, {COMPLETIONS_TOPIC: topic_arn}, errors),
        errors,
    )


def _end_of(credentials: object) -> datetime | None:
    """Return when the credentials that sign now end; None if they are static. The SDK has no public name for it."""
    end = getattr(credentials, "_expiry_time", None)
    return end if isinstance(end, datetime) else None
