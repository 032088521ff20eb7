"""The settings of `python -m local.edge`: listening address, trusted keys and the bucket."""

import re
from typing import Annotated

from pydantic import AfterValidator, DirectoryPath, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_process.settings_fields import HostList, ListenHost, ListenPort, TlsCertificate, TlsKey

_SCHEME_AND_HOST = re.compile(r"https?://[^/?#\s\"\\]+/?").fullmatch


def _checked_base(url: str) -> str:
    if not _SCHEME_AND_HOST(url):
        raise ValueError("not scheme and host")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_checked_base)]
"""Scheme and host without a trailing slash."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, env_ignore_empty=True, populate_by_name=True)

    listen_host: ListenHost = "127.0.0.1"
    listen_port: ListenPort = 9001
    allowed_hosts: HostList = ""
    edge_keys_folder: DirectoryPath = Field(
        description="a folder of public keys in files named KEY_ID.pem", examples=["/srv/darkroom/edge-keys"]
    )
    edge_origin: BaseUrl = Field(description="scheme and host of an S3 endpoint", examples=["http://127.0.0.1:9000"])
    bucket: str = Field(min_length=3, description="the name of a bucket", examples=["darkroom"])
    cdn_url: BaseUrl = Field(description="scheme and host that URLs name", examples=["http://127.0.0.1:9001"])
    tls_certificate: TlsCertificate = None
    tls_key: TlsKey = None
    aws_access_key_id: str = Field(
        validation_alias="AWS_ACCESS_KEY_ID", description="an access key id", examples=["AKIAIOSFODNN7EXAMPLE"]
    )
    aws_secret_access_key: SecretStr = Field(
        validation_alias="AWS_SECRET_ACCESS_KEY", description="its secret", examples=["wJalrXUtnFEMI…"]
    )
    aws_region: str = Field(
        "us-east-1", validation_alias="AWS_REGION", description="the bucket's region", examples=["eu-central-1"]
    )
