"""The settings of `python -m local.tables`: listening address, the tables' file, and the only credential."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_process.hosts import checked_hosts


class Settings(BaseSettings):
    """Read from variables that begin with `DARKROOM_`."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, env_ignore_empty=True, populate_by_name=True)

    listen_host: str = Field("127.0.0.1", description="an address of this machine", examples=["127.0.0.1"])
    listen_port: int = Field(8000, ge=1, le=65535, description="a number from 1 to 65535", examples=["8000"])
    allowed_hosts: Annotated[str, AfterValidator(checked_hosts)] = Field(
        "", description="hosts, separated by commas", examples=["127.0.0.1:8000"]
    )
    tables_file: Path = Field(description="a file", examples=["/srv/darkroom/tables.db"])
    aws_access_key_id: str = Field(
        validation_alias="AWS_ACCESS_KEY_ID", description="an access key id", examples=["AKIAIOSFODNN7EXAMPLE"]
    )
    aws_secret_access_key: SecretStr = Field(
        validation_alias="AWS_SECRET_ACCESS_KEY", description="its secret", examples=["wJalrXUtnFEMI…"]
    )
