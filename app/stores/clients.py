"""Opens the AWS clients of a process, one per service; the exit stack closes them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import aioboto3
from aiobotocore.session import get_session
from botocore.loaders import Loader, create_loader

from app.stores.amazon import client_config
from app.stores.aws_errors import AwsErrors
from app.stores.dynamo import Dynamo
from app.stores.s3 import TRANSFER_READ_SECONDS, ObjectStore
from app.stores.sns import Topics
from app.stores.sqs import POLL_READ_SECONDS, Queues


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
    stack: AsyncExitStack,
    endpoints: Endpoints,
    *,
    region: str,
    bucket: str,
    access_key_id: str | None,
    secret_access_key: str | None,
) -> AmazonStores:
    """Open all clients. Without a key, requests are signed with the machine's role."""
    models = get_session()
    models.register_component("data_loader", _model_loader())
    session: Any = aioboto3.Session(  # the stubs type client() for literal service names only
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        region_name=region,
        botocore_session=models,
    )

    async def open_client(service: str, endpoint: str | None, **options: Any) -> Any:
        # Without TLS there is nothing to verify, and each client would load the authorities, which takes 40 ms.
        verify = False if endpoint and endpoint.startswith("http:") else None
        client = session.client(service, endpoint_url=endpoint, verify=verify, config=client_config(**options))
        return await stack.enter_async_context(client)

    path_style: dict[str, Any] = {"s3": {"addressing_style": "path"}, "signature_version": "s3v4"}
    if endpoints.s3 is None:
        path_style = {"signature_version": "s3v4"}
    dynamodb = await open_client("dynamodb", endpoints.dynamodb)
    s3 = await open_client("s3", endpoints.s3, read_seconds=TRANSFER_READ_SECONDS, **path_style)
    public = await open_client("s3", endpoints.s3_public or endpoints.s3, **path_style)
    sqs = await open_client("sqs", endpoints.sqs)
    polling = await open_client("sqs", endpoints.sqs, read_seconds=POLL_READ_SECONDS)
    sns = await open_client("sns", endpoints.sns)
    errors = AwsErrors()
    return AmazonStores(
        Dynamo(dynamodb, errors),
        ObjectStore(s3, public, bucket, errors),
        Queues(sqs, polling, errors),
        Topics(sns, errors),
        errors,
    )
