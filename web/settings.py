"""The web tier's settings, read from the environment once and checked at start."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_process.hosts import checked_hosts
from darkroom_process.local_users import EVERYONE, checked_users
from darkroom_process.secret_file import Secret, configured_secret
from darkroom_process.settings_fields import (
    AwsRegion,
    BucketName,
    ListenHost,
    ListenPort,
    OperatorHost,
    OperatorPort,
    S3PublicEndpoint,
    SecretFilePath,
    TierSecret,
    TlsCertificate,
    TlsKey,
)

NO_PROXY = "none"


def _checked_proxies(text: str) -> str:
    """Return the networks as uvicorn reads them. Raises ValueError."""
    if text.strip() == NO_PROXY:
        return ""
    for part in text.split(","):
        ipaddress.ip_network(part.strip())
    return text


class Settings(BaseSettings):
    """The listening address, the app's address, and the hosts that the page may connect to."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, extra="ignore", env_ignore_empty=True)

    listen_host: ListenHost = "127.0.0.1"
    listen_port: ListenPort
    operator_host: OperatorHost = "127.0.0.1"
    operator_port: OperatorPort = 0
    allowed_hosts: str = Field(
        "",
        validate_default=True,
        description="the hosts that requests may name, separated by commas, or *; required when listening on "
        "every interface",
        examples=["photos.example.com"],
    )
    """Empty for the listening address."""
    local_users: Annotated[str, AfterValidator(checked_users)] = Field(
        EVERYONE,
        description="the numbers of this machine's users whose programs are served, separated by commas, or *",
        examples=["1000"],
    )
    """Anything but * is for a server on loopback."""
    app_url: AnyHttpUrl = Field(description="the URL of the app", examples=["http://127.0.0.1:8000"])
    tier_secret: TierSecret = None
    """Needed where others can reach the app."""
    tier_secret_file: SecretFilePath = None
    cdn_url: AnyHttpUrl = Field(description="the base URL of the CDN", examples=["https://media.example.com"])
    s3_public_endpoint: S3PublicEndpoint = None
    bucket: BucketName
    aws_region: Annotated[AwsRegion, Field(validation_alias="AWS_REGION")]
    """Presigned URLs lead to an origin that follows from these three, which are the app's, too."""
    trusted_proxies: Annotated[str, AfterValidator(_checked_proxies)] = Field(
        description="addresses or networks of the load balancers, whose X-Forwarded-For and X-Forwarded-Proto are "
        "trusted, separated by commas, or `none`",
        examples=["10.0.0.0/16"],
    )
    """Required, because both wrong values are silent: all users share one limit, or a client may forge an address."""
    request_limit: int = Field(
        512, ge=1, description="a number of requests in flight, event streams excluded", examples=["512"]
    )
    """Above it a request gets 503 at once."""
    stream_limit: int = Field(2_000, ge=1, description="a number of open event streams", examples=["2000"])
    drain_seconds: float = Field(
        0.0, ge=0, description="seconds between readiness off and the stop of listening", examples=["5"]
    )
    """The time a load balancer needs to notice."""
    tls_certificate: TlsCertificate = None
    tls_key: TlsKey = None
    """With both, the tier serves https, for an installation without a load balancer in front."""

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, text: str, info: ValidationInfo) -> str:
        if not text.strip() and info.data.get("listen_host") in ("0.0.0.0", "::"):  # noqa: S104 - a comparison
            raise ValueError("must name the hosts that browsers use")
        return checked_hosts(text)

    def tier_secret_source(self) -> Secret | None:
        return configured_secret(self.tier_secret, self.tier_secret_file)
