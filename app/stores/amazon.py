"""Configuration of every AWS client: time limits, retries, connections."""

from typing import Any

from aiobotocore.config import AioConfig

CONNECT_SECONDS = 1.0
READ_SECONDS = 5.0
ATTEMPTS = 3
POOL_CONNECTIONS = 50
USER_AGENT = "darkroom"
"""Fixed, because botocore builds its own for each call, which costs a quarter of the call's CPU time."""


def client_config(*, read_seconds: float = READ_SECONDS, **options: Any) -> AioConfig:
    """Return a configuration that names retries and checksums: botocore's defaults change between versions."""
    return AioConfig(
        connector_args={"use_dns_cache": False},  # the event loop's resolver decides
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=POOL_CONNECTIONS,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent=USER_AGENT,
        **options,
    )
