"""The settings of `python -m local.objects`: listening address, the objects' folder, and the only credential."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, FilePath, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_process.hosts import checked_hosts

SPARE_BYTES = 64 * 1024 * 1024
"""Space for the catalogue and for other processes on the same disk: deletions must work when the disk is full."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, env_ignore_empty=True, populate_by_name=True)

    listen_host: str = Field("127.0.0.1", description="an address of this machine", examples=["127.0.0.1"])
    listen_port: int = Field(9000, ge=1, le=65535, description="a number from 1 to 65535", examples=["9000"])
    allowed_hosts: Annotated[str, AfterValidator(checked_hosts)] = Field(
        "", description="hosts, separated by commas", examples=["127.0.0.1:9000"]
    )
    objects_folder: Path = Field(description="a folder", examples=["/srv/darkroom/objects"])
    objects_spare_bytes: int = Field(SPARE_BYTES, ge=0, description="a number of bytes", examples=[str(SPARE_BYTES)])
    tls_certificate: FilePath | None = Field(None, description="a PEM file", examples=["/srv/darkroom/certificate.pem"])
    tls_key: FilePath | None = Field(None, description="a PEM file", examples=["/srv/darkroom/certificate.key"])
    aws_access_key_id: str = Field(
        validation_alias="AWS_ACCESS_KEY_ID", description="an access key id", examples=["AKIAIOSFODNN7EXAMPLE"]
    )
    aws_secret_access_key: SecretStr = Field(
        validation_alias="AWS_SECRET_ACCESS_KEY", description="its secret", examples=["wJalrXUtnFEMI…"]
    )
