"""The web tier's settings, read from the environment once and checked at start."""

import sys
from pathlib import Path
from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_process.hosts import checked_hosts

PREFIX = "DARKROOM_"
EXAMPLES = {
    "listen_host": "127.0.0.1",
    "listen_port": "8080",
    "allowed_hosts": "photos.example.com",
    "app_url": "http://127.0.0.1:8000",
    "tier_secret": "the output of `openssl rand -hex 32`",
    "cdn_url": "https://media.example.com",
    "s3_public_endpoint": "https://darkroom.s3.eu-central-1.amazonaws.com",
    "trusted_proxies": "10.0.0.0/16",
    "request_limit": "512",
    "stream_limit": "2000",
    "drain_seconds": "5",
    "tls_certificate": "/srv/darkroom/certificate.pem",
    "tls_key": "/srv/darkroom/certificate-key.pem",
}


class Settings(BaseSettings):
    """The listening address, the app's address, and the hosts that the page may connect to."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=1, le=65_535)]
    allowed_hosts: Annotated[str, Field(validate_default=True)] = ""
    """The hosts that requests may name, separated by commas: `*` for any, empty for the listening address."""
    app_url: AnyHttpUrl
    tier_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    """Secret shared by this tier and the app; needed where others can reach the app."""
    cdn_url: AnyHttpUrl
    s3_public_endpoint: AnyHttpUrl
    trusted_proxies: str = ""
    """Comma-separated addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are trusted."""
    request_limit: Annotated[int, Field(ge=1)] = 512
    """Requests in flight, event streams excluded; above it a request gets 503 at once."""
    stream_limit: Annotated[int, Field(ge=1)] = 2_000
    drain_seconds: Annotated[float, Field(ge=0)] = 0.0
    """How long readiness returns 503 before the process stops listening: the time a load balancer needs to notice."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    """PEM files; https if set, for an installation without a load balancer in front."""

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, text: str, info: ValidationInfo) -> str:
        if not text.strip() and info.data.get("listen_host") in ("0.0.0.0", "::"):  # noqa: S104 - a comparison
            raise ValueError("must name the hosts that browsers use")
        return checked_hosts(text)


def load_settings() -> Settings:
    """Read the settings. Exits the process with one line for each variable that is missing or wrong."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0])
            example = EXAMPLES.get(name, "")
            sys.stderr.write(f"{PREFIX}{name.upper()}: {problem['msg']}. Example: {example}\n")
        raise SystemExit(2) from None


def origin_of(url: AnyHttpUrl) -> str:
    """Return `scheme://host[:port]` without the default port, as a browser writes an origin."""
    host = f"[{url.host}]" if url.host and ":" in url.host and not url.host.startswith("[") else url.host
    default_port = 443 if url.scheme == "https" else 80
    return f"{url.scheme}://{host}" + ("" if url.port in (None, default_port) else f":{url.port}")
