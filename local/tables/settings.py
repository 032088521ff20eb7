"""The settings of `python -m local.tables`: listening address, the tables' file, and the only credential."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_process.hosts import checked_hosts
from local.startup_error import ExitCode, StartupError

PREFIX = "DARKROOM_"


class Settings(BaseSettings):
    """Read from variables that begin with `DARKROOM_`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True, populate_by_name=True)

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


def read_settings() -> Settings:
    """Read the settings. Raises StartupError with a line for each wrong value: the variable, what was expected, an
    example.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [_line(str(wrong["loc"][0])) for wrong in error.errors()]
        raise StartupError("\n".join(lines), ExitCode.WRONG_SETTING) from error


def _line(location: str) -> str:
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias if isinstance(field.validation_alias, str) else f"{PREFIX}{name.upper()}"
        if location in (name, variable):
            example = (field.examples or [""])[0]
            return f"{variable} is missing or wrong: expected {field.description}, for example {example}"
    return f"{location} is wrong"
