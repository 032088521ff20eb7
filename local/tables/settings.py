"""The settings of `python -m local.tables`: listening address, the tables' file, and the only credential."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_process.settings_fields import HostList, ListenHost, ListenPort


class Settings(BaseSettings):
    """Read from variables that begin with `DARKROOM_`."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, env_ignore_empty=True, populate_by_name=True)

    listen_host: ListenHost = "127.0.0.1"
    listen_port: ListenPort = 8000
    allowed_hosts: HostList = ""
    tables_file: Path = Field(description="a file", examples=["/srv/darkroom/tables.db"])
    aws_access_key_id: str = Field(
        validation_alias="AWS_ACCESS_KEY_ID", description="an access key id", examples=["AKIAIOSFODNN7EXAMPLE"]
    )
    aws_secret_access_key: SecretStr = Field(
        validation_alias="AWS_SECRET_ACCESS_KEY", description="its secret", examples=["wJalrXUtnFEMI…"]
    )
