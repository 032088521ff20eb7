"""How every AWS client here is opened and how its errors become ours: time limits, retries, translation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from shared.problems import Unavailable

CONNECT_SECONDS = 1.0
READ_SECONDS = 5.0
ATTEMPTS = 3
POOL_CONNECTIONS = 50
USER_AGENT = "darkroom"
"""botocore's own is put together anew for each call, which costs a quarter of the call's CPU time."""

PASSING = frozenset(
    {
        "InternalFailure",
        "InternalError",
        "InternalServerError",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "RequestThrottled",
        "RequestTimeout",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TransactionInProgressException",
        "500",
        "502",
        "503",
        "504",
    }
)
"""Error codes of AWS that another try may heal."""


def client_config(*, read_seconds: float = READ_SECONDS, **options: Any) -> AioConfig:
    """botocore's defaults for retries and checksums change between versions, so each is named."""
    return AioConfig(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=POOL_CONNECTIONS,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent=USER_AGENT,
        **options,
    )


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(service: str) -> Iterator[None]:
    """What may heal by itself becomes `Unavailable`; what is our own mistake stays as it is and ends as a 500."""
    try:
        yield
    except ClientError as error:
        if error_code(error) in PASSING:
            raise Unavailable(f"{service} does not answer at the moment.", retry_after_seconds=1) from error
        raise
    except (BotoCoreError, TimeoutError, ConnectionError) as error:
        raise Unavailable(f"{service} cannot be reached at the moment.", retry_after_seconds=1) from error
