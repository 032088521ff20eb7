"""Errors of any type that the SDK raises while it obtains credentials are of the class `credentials`."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.credentials import AioRefreshableCredentials
from aiobotocore.session import get_session
from botocore.exceptions import ClientError, EndpointConnectionError, MetadataRetrievalError

from app.stores.amazon import client_config
from app.stores.aws_errors import AwsErrors, ErrorClass
from app.stores.dynamo import Dynamo
from app.stores.resources import BULK_QUEUE, ITEMS_TABLE
from app.stores.s3 import CREDENTIALS_MARGIN, ObjectStore
from app.stores.sqs import Queues
from darkroom_shared.problems import Unavailable
from tests.servers import free_port
from tests.services import BUCKET, REGION
from tests.stores.aws_clients import open_clients

KEYS = {"access_key": "key", "secret_key": "secret", "token": "token"}


def _expired() -> dict[str, str]:
    return KEYS | {"expiry_time": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}


async def test_presigned_urls_end_before_the_credentials_that_sign_them(monkeypatch: pytest.MonkeyPatch) -> None:
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    credentials_end = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=50)
    async with AsyncExitStack() as stack:
        static = await open_clients(stack, "http://127.0.0.1:1")
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", credentials_end.isoformat())
        ending = await open_clients(stack, "http://127.0.0.1:1")
        assert static.objects.valid_until(in_an_hour) == in_an_hour
        assert ending.objects.valid_until(in_an_hour) == credentials_end - CREDENTIALS_MARGIN
        assert ending.objects.valid_until(datetime.now(UTC)) < credentials_end - CREDENTIALS_MARGIN


def _incomplete() -> dict[str, str]:
    return {}


def _badly_dated() -> dict[str, str]:
    return KEYS | {"expiry_time": "tomorrow at tea time"}


def _not_json() -> dict[str, str]:
    return json.loads("<html>")  # type: ignore[no-any-return]  # raises


def _token_file_missing() -> dict[str, str]:
    return {"token": Path("/nonexistent/token").read_text()}


def _sts_refuses() -> dict[str, str]:
    """Raise an error of STS, with a code that SQS uses for a stale receipt."""
    raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": ""}}, "AssumeRole")


def _sts_unreachable() -> dict[str, str]:
    raise EndpointConnectionError(endpoint_url="https://sts.amazonaws.com")


def _metadata_unavailable() -> dict[str, str]:
    raise MetadataRetrievalError(error_msg="503")


REFRESHES = (
    _expired,
    _incomplete,
    _badly_dated,
    _not_json,
    _token_file_missing,
    _sts_refuses,
    _sts_unreachable,
    _metadata_unavailable,
)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def _client(stack: AsyncExitStack, service: str, refresh: Callable[[], dict[str, str]]) -> Any:
    """Open a client whose credentials have expired and are refreshed before each call."""

    async def refresh_using() -> dict[str, str]:
        return refresh()

    session: Any = get_session()
    session._credentials = AioRefreshableCredentials(
        "key", "secret", "token", datetime.now(UTC) - timedelta(hours=2), refresh_using=refresh_using, method="test"
    )
    endpoint = f"http://127.0.0.1:{free_port()}"
    options = {"region_name": REGION, "endpoint_url": endpoint, "config": client_config(), "verify": False}
    return await stack.enter_async_context(session.create_client(service, **options))


@pytest.mark.parametrize("refresh", REFRESHES, ids=lambda refresh: refresh.__name__)
async def test_credentials_that_cannot_be_refreshed_are_unavailable_and_counted(
    stack: AsyncExitStack, refresh: Callable[[], dict[str, str]]
) -> None:
    errors = AwsErrors()
    with pytest.raises(Unavailable):
        await Dynamo(await _client(stack, "dynamodb", refresh), errors).get(ITEMS_TABLE, {"account_id": "acc_1"})
    assert [(each.service, each.error_class) for each in errors.counts()] == [("DynamoDB", ErrorClass.CREDENTIALS)]


async def test_a_url_that_cannot_be_signed_is_unavailable_and_counted(stack: AsyncExitStack) -> None:
    errors = AwsErrors()
    client = await _client(stack, "s3", _expired)
    with pytest.raises(Unavailable):
        await ObjectStore(client, client, BUCKET, errors).presign_part(
            "key", "upload", 1, size_bytes=1, sha256_hex="00" * 32, valid_seconds=60
        )
    assert [each.error_class for each in errors.counts()] == [ErrorClass.CREDENTIALS]


async def test_an_error_of_sts_is_not_an_outcome_of_the_call_that_needs_credentials(stack: AsyncExitStack) -> None:
    errors = AwsErrors()
    client = await _client(stack, "sqs", _sts_refuses)
    queues = Queues(client, client, errors)
    queues._urls[BULK_QUEUE] = "http://127.0.0.1/1/bulk"
    with pytest.raises(Unavailable):
        await queues.hide(BULK_QUEUE, "receipt", 5)
    assert [each.error_class for each in errors.counts()] == [ErrorClass.CREDENTIALS]


@pytest.mark.parametrize("error", [RuntimeError, ValueError, KeyError, TypeError, PermissionError])
async def test_an_error_of_our_own_code_around_a_call_is_not_an_aws_error(
    stack: AsyncExitStack, error: type[Exception]
) -> None:
    errors = AwsErrors()
    dynamo = Dynamo(await _client(stack, "dynamodb", _expired), errors)
    with pytest.raises(error), dynamo._translated():
        raise error
    assert not errors.counts()
