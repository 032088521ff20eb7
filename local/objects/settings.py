"""The settings of `python -m local.objects`: listening address, the objects' folder, and the only credential."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_process.settings_fields import HostList, ListenHost, ListenPort, TlsCertificate, TlsKey

SPARE_BYTES = 64 * 1024 * 1024
"""Space for the catalogue and for other processes on the same disk: deletions must work when the disk is full."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, env_ignore_empty=True, populate_by_name=True)

    listen_host: ListenHost = "127.0.0.1"
    listen_port: ListenPort = 9000
    allowed_hosts: HostList = ""
    objects_folder: Path = Field(description="a folder", examples=["/srv/darkroom/objects"])
    objects_spare_bytes: int = Field(SPARE_BYTES, ge=0, description="a number of bytes", examples=[str(SPARE_BYTES)])
    tls_certificate: TlsCertificate = None
    tls_key: TlsKey = None
    aws_access_key_id: str = Field(
        validation_alias="AWS_ACCESS_KEY_ID", description="an access key id", examples=["AKIAIOSFODNN7EXAMPLE"]
    )
    aws_secret_access_key: SecretStr = Field(
        validation_alias="AWS_SECRET_ACCESS_KEY", description="its secret", examples=["wJalrXUtnFEMI…"]
    )
