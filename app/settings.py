"""The settings of the app and the worker, read from the environment and validated once at the start."""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.stores.aurora_engines import CONNECTIONS
from app.stores.cache.mode import CacheMode
from app.stores.resources import PREFIX
from darkroom_process.secret_file import SECRET_CHARACTERS, Secret, configured_secret
from darkroom_process.settings_fields import (
    AwsRegion,
    BucketName,
    HostList,
    ListenHost,
    OperatorHost,
    OperatorPort,
    S3PublicEndpoint,
    SecretFilePath,
    TierSecret,
)


class Registration(StrEnum):
    """Whether people without an account may register. CLOSED: only an operator's command creates accounts."""

    OPEN = "open"
    CLOSED = "closed"


class FirstAccount(StrEnum):
    """How the first account, which becomes the administrator, can be created."""

    ANYONE = "anyone"
    COMMAND = "command"


class Sandbox(StrEnum):
    """Whether a worker may start on a kernel that cannot restrict file access of its decoders (no Landlock)."""

    STRICT = "strict"
    RELAXED = "relaxed"


class WorkerRole(StrEnum):
    """What a worker does: one role a queue of jobs, and those without jobs of users."""

    EXPRESS = "express"
    BULK = "bulk"
    EXPORTS = "exports"
    MAINTENANCE = "maintenance"
    DISPATCHER = "dispatcher"


DECODING_ROLES = frozenset({WorkerRole.EXPRESS, WorkerRole.BULK})
STORING_ROLES = DECODING_ROLES | {WorkerRole.EXPORTS}
"""Those that need a scratch folder."""


class ScratchDisk(StrEnum):
    """Whether a worker may start with its temporary files in memory."""

    STRICT = "strict"
    RELAXED = "relaxed"


def _split(value: object) -> object:
    """Return the parts of a list separated by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _matching(pattern: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not compiled.match(text):
            raise ValueError("not of the expected form")
        return value

    return AfterValidator(check)


FILE_INSTEAD = {"secret": "secret_file", "cdn_key_id": "cdn_keys_file", "cdn_private_key": "cdn_keys_file"}
"""Settings that a file may hold instead; the file takes precedence."""

HttpUrl = Annotated[str, _matching(r"^https?://[^/\s]+")]


class Settings(BaseSettings):
    """Every field has a description and an example, which the error message for a wrong value contains."""

    model_config = SettingsConfigDict(
        env_prefix="DARKROOM_", frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    listen_host: ListenHost = "127.0.0.1"
    listen_port: int = Field(8000, ge=0, le=65535, description="a port to listen on", examples=["8000"])
    operator_host: OperatorHost = "127.0.0.1"
    operator_port: OperatorPort = 0
    allowed_hosts: HostList = "*"
    tier_secret: TierSecret = None
    tier_secret_file: SecretFilePath = None
    drain_seconds: float = Field(
        0, ge=0, le=300, description="seconds between readiness off and the stop of serving", examples=["10"]
    )
    forwarded_hops: int = Field(
        1, ge=1, le=5, description="how many addresses our own tiers add to X-Forwarded-For", examples=["1"]
    )
    database_url: Annotated[SecretStr, _matching(r"^(sqlite\+aiosqlite:///.|mysql\+asyncmy://.)")] = Field(
        description="a database as sqlite+aiosqlite or mysql+asyncmy URL",
        examples=["sqlite+aiosqlite:////var/lib/darkroom/darkroom.db"],
    )
    database_reader_url: Annotated[SecretStr, _matching(r"^mysql\+asyncmy://.")] | None = Field(
        None,
        description="the database's readers as mysql+asyncmy URL, absent where the writer serves all reads",
        examples=["mysql+asyncmy://darkroom@darkroom.cluster-ro-abc.eu-central-1.rds.amazonaws.com/darkroom"],
    )
    database_ca_file: FilePath | None = Field(
        None,
        description="a file of the certificate authorities that the database's certificate must come from",
        examples=["/etc/darkroom/rds-ca.pem"],
    )
    database_password_file: FilePath | None = Field(
        None,
        description="a file that holds the database's password, instead of one in the URLs",
        examples=["/run/darkroom/database-password"],
    )
    database_connections: int = Field(
        CONNECTIONS,
        ge=2,
        le=200,
        description="connections that one process may open to the writer, and as many to the readers",
        examples=["10"],
    )
    redis_url: Annotated[SecretStr, _matching(r"^(rediss?|unix)://.")] = Field(
        description="a Redis as URL", examples=["redis://127.0.0.1:6379/0"]
    )
    redis_password_file: FilePath | None = Field(
        None,
        description="a file that holds Redis's password, instead of one in the URL",
        examples=["/run/darkroom/redis-password"],
    )
    cache: CacheMode = Field(CacheMode.ON, description="what is cached in Redis: on, writer or off", examples=["on"])
    dynamodb_endpoint: HttpUrl | None = Field(
        None, description="a URL, absent for AWS itself", examples=["http://127.0.0.1:4566"]
    )
    s3_endpoint: HttpUrl | None = Field(
        None, description="a URL, absent for AWS itself", examples=["http://127.0.0.1:8081"]
    )
    s3_public_endpoint: S3PublicEndpoint = None
    sqs_endpoint: HttpUrl | None = Field(
        None, description="a URL, absent for AWS itself", examples=["http://127.0.0.1:4566"]
    )
    sns_endpoint: HttpUrl | None = Field(
        None, description="a URL, absent for AWS itself", examples=["http://127.0.0.1:4566"]
    )
    bucket: BucketName
    resource_prefix: Annotated[str, _matching(r"^[a-z][a-z0-9-]{0,40}-$")] = Field(
        PREFIX, description="what the names of tables and queues begin with, ending in -", examples=["photos-staging-"]
    )
    completions_topic_arn: Annotated[str, _matching(r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$")] = Field(
        description="the ARN of the SNS topic of completions",
        examples=["arn:aws:sns:eu-central-1:123456789012:darkroom-completions"],
    )
    cdn_url: HttpUrl = Field(description="the base URL of the CDN", examples=["http://127.0.0.1:8082"])
    cdn_keys_file: Path | None = Field(
        None,
        description="a file of the CDN's private keys, as `darkroom admin rotate-key` keeps it",
        examples=["/srv/darkroom/cdn-keys.json"],
    )
    cdn_key_id: Annotated[str, _matching(r"^[A-Za-z0-9_-]+$")] | None = Field(
        None,
        validate_default=True,
        description="the id of the CDN's public key, unless DARKROOM_CDN_KEYS_FILE is set",
        examples=["K2JCJMDEHXQW5F"],
    )
    cdn_private_key: Annotated[SecretStr, _matching(r"^\s*-----BEGIN [A-Z ]*PRIVATE KEY-----")] | None = Field(
        None,
        validate_default=True,
        description="the private key of the CDN as PEM text, unless DARKROOM_CDN_KEYS_FILE is set",
        examples=["-----BEGIN PRIVATE KEY-----…"],
    )
    edge_keys_folder: Path | None = Field(
        None,
        description="the folder of public keys of an edge on this machine",
        examples=["/srv/darkroom/edge-keys"],
    )
    secret_file: SecretFilePath = None
    secret: SecretStr | None = Field(
        None,
        validate_default=True,
        min_length=SECRET_CHARACTERS,
        description=f"at least {SECRET_CHARACTERS} random characters, unless DARKROOM_SECRET_FILE is set",
        examples=["the output of `openssl rand -hex 32`"],
    )
    registration: Registration = Field(
        Registration.CLOSED,
        description="whether people without an account may register: open or closed",
        examples=["closed"],
    )
    first_account: FirstAccount = Field(
        FirstAccount.ANYONE,
        description="who makes the first account: anyone who may register, or an operator by a command",
        examples=["command"],
    )
    account_quota_bytes: int = Field(
        100 * 1024**3, ge=1, description="bytes that one account may hold", examples=["107374182400"]
    )
    worker_roles: Annotated[frozenset[WorkerRole], NoDecode, BeforeValidator(_split)] = Field(
        frozenset(WorkerRole),
        min_length=1,
        description=f"what a worker does, separated by commas: {', '.join(WorkerRole)}",
        examples=["express,bulk"],
    )
    worker_slots: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=64,
        description="how many photos one worker processes concurrently",
        examples=["2"],
    )
    worker_bulk_slots: int = Field(
        1, ge=0, le=16, description="how many videos one worker encodes concurrently, in addition", examples=["1"]
    )
    drain_file: Path | None = Field(
        None,
        description="a file whose existence tells a worker to stop, as SIGTERM does",
        examples=["/run/darkroom/drain"],
    )
    scratch_folder: Path | None = Field(
        None,
        description="a folder on a disk for workers' temporary files, accessible to the worker's user only",
        examples=["/var/lib/darkroom/scratch"],
    )
    scratch_disk: ScratchDisk = Field(
        ScratchDisk.STRICT,
        description="whether a worker may start with its scratch folder in memory: strict or relaxed",
        examples=["strict"],
    )
    sandbox: Sandbox = Field(
        Sandbox.STRICT,
        description="whether a worker may start without Landlock: strict or relaxed",
        examples=["strict"],
    )
    lease_seconds: int = Field(
        60,
        ge=2,
        le=60,
        description="seconds without a heartbeat after which another worker may claim an item",
        examples=["60"],
    )
    aws_region: Annotated[AwsRegion, Field(validation_alias="AWS_REGION")]

    @field_validator(*FILE_INSTEAD)
    @classmethod
    def _is_set_or_in_a_file(cls, value: object, info: ValidationInfo) -> object:
        # A file that is itself refused is not in info.data; its own error is enough.
        if value is None and info.data.get(FILE_INSTEAD[info.field_name or ""], "refused") is None:
            raise PydanticCustomError("missing", "neither set nor in a file")
        return value

    def secret_source(self) -> Secret:
        secret = configured_secret(self.secret, self.secret_file)
        assert secret is not None  # noqa: S101 - a validator demands it
        return secret

    def cdn_key(self) -> tuple[str, str]:
        """Return the id and the PEM text of the key, where no file holds keys."""
        assert self.cdn_key_id is not None and self.cdn_private_key is not None  # noqa: S101, PT018 - as above
        return self.cdn_key_id, self.cdn_private_key.get_secret_value()

    def tier_secret_source(self) -> Secret | None:
        return configured_secret(self.tier_secret, self.tier_secret_file)
