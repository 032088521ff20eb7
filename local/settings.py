"""The settings of `darkroom up`: data folder, address, and which parts are provided elsewhere."""

import ipaddress
import sys
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "DARKROOM_"
FREE_BYTES = 256 * 1024 * 1024  # enough for SQLite, Valkey and a dozen photos; below it any write may fail

OPERATOR_PARTS = ("web", "app", "worker")
"""The parts with a port for metrics, in the order of their ports."""


class Tls(StrEnum):
    OFF = "off"
    SELF = "self"


class Faults(StrEnum):
    OFF = "off"
    ON = "on"


class Worker(StrEnum):
    OFF = "off"
    ON = "on"


class Settings(BaseSettings):
    """A part whose address is set is provided elsewhere: it is not started, and no resources are created in it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True, populate_by_name=True)

    data: Path = Field(Path(".darkroom"), description="a folder", examples=["/srv/darkroom"])
    host: str = Field(
        "127.0.0.1", description="the name or address under which browsers reach this machine", examples=["192.168.1.5"]
    )
    port: int = Field(8080, ge=1, le=65533, description="a number from 1 to 65533", examples=["8080"])
    operator_port: int = Field(
        0,
        ge=0,
        le=65535 - len(OPERATOR_PARTS) + 1,
        description="the first of three ports to serve metrics on, or 0 for none",
        examples=["9100"],
    )
    tls: Tls = Field(Tls.OFF, description="off or self", examples=["self"])
    faults: Faults = Field(Faults.OFF, description="off or on", examples=["on"])
    worker: Worker = Field(Worker.ON, description="off or on", examples=["off"])
    free_bytes: int = Field(FREE_BYTES, ge=0, description="a number of bytes", examples=[str(FREE_BYTES)])
    emulator_python: Path = Field(
        Path(sys.prefix).parent / ".venv-emulator" / "bin" / "python",
        description="a Python interpreter",
        examples=["/opt/emulator/bin/python"],
    )

    redis_url: str | None = Field(None, description="a URL", examples=["redis://127.0.0.1:6379/0"])
    database_url: str | None = Field(
        None, description="an SQLAlchemy URL", examples=["mysql+asyncmy://darkroom:password@127.0.0.1/darkroom"]
    )
    migration_database_url: str | None = Field(
        None,
        description="the same database as a user who may change its tables",
        examples=["mysql+asyncmy://darkroom_migrations:password@127.0.0.1/darkroom"],
    )
    dynamodb_endpoint: str | None = Field(None, description="a URL", examples=["http://127.0.0.1:8000"])
    s3_endpoint: str | None = Field(None, description="a URL", examples=["http://127.0.0.1:9000"])
    s3_public_endpoint: str | None = Field(None, description="a URL", examples=["https://s3.example.org"])
    sqs_endpoint: str | None = Field(None, description="a URL", examples=["http://127.0.0.1:4566"])
    sns_endpoint: str | None = Field(None, description="a URL", examples=["http://127.0.0.1:4566"])
    completions_topic_arn: str | None = Field(
        None,
        description="the ARN of the SNS topic of completions",
        examples=["arn:aws:sns:eu-central-1:123456789012:darkroom-completions"],
    )
    cdn_url: str | None = Field(None, description="a URL", examples=["https://d111111abcdef8.cloudfront.net"])
    cdn_key_id: str | None = Field(None, description="a public key's id", examples=["K2JCJMDEHXQW5F"])
    cdn_private_key: SecretStr | None = Field(
        None, description="a private key as PEM text", examples=["-----BEGIN PRIVATE KEY-----…"]
    )

    aws_access_key_id: str | None = Field(
        None, validation_alias="AWS_ACCESS_KEY_ID", description="an access key id", examples=["AKIAIOSFODNN7EXAMPLE"]
    )
    aws_secret_access_key: SecretStr | None = Field(
        None, validation_alias="AWS_SECRET_ACCESS_KEY", description="its secret", examples=["wJalrXUtnFEMI…"]
    )
    aws_region: str = Field(
        "us-east-1", validation_alias="AWS_REGION", description="a region's name", examples=["eu-west-1"]
    )

    @field_validator("host")
    @classmethod
    def _is_an_address_for_browsers(cls, host: str) -> str:
        if not host or (any(character in host for character in "/:@ ") and not _is_address(host)):
            raise ValueError("not a host name")
        if _is_address(host) and ipaddress.ip_address(host).is_unspecified:
            raise ValueError("names no machine")
        return host

    @field_validator(
        "dynamodb_endpoint", "s3_endpoint", "s3_public_endpoint", "sqs_endpoint", "sns_endpoint", "cdn_url"
    )
    @classmethod
    def _require_http(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("neither http nor https")
        return url.rstrip("/") if url else url

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.cdn_url and not (self.cdn_key_id and self.cdn_private_key):
            raise ValueError(f"{PREFIX}CDN_URL needs {PREFIX}CDN_KEY_ID and {PREFIX}CDN_PRIVATE_KEY beside it")
        if self.sns_endpoint and not self.completions_topic_arn:
            raise ValueError(f"{PREFIX}SNS_ENDPOINT needs {PREFIX}COMPLETIONS_TOPIC_ARN beside it")
        if self.uses_external_aws and not (self.aws_access_key_id and self.aws_secret_access_key):
            raise ValueError("a real AWS endpoint needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY beside it")
        return self

    @property
    def uses_external_aws(self) -> bool:
        return any((self.dynamodb_endpoint, self.s3_endpoint, self.sqs_endpoint, self.sns_endpoint))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
