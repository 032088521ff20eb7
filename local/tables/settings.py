"""What `python -m local.tables` can be told: where to listen, and which file holds the tables."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from local.refusal import ExitCode, Refusal

PREFIX = "DARKROOM_"


class Settings(BaseSettings):
    """Read from variables that begin with `DARKROOM_`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    listen_host: str = Field("127.0.0.1", description="an address of this machine", examples=["127.0.0.1"])
    listen_port: int = Field(8000, ge=1, le=65535, description="a number from 1 to 65535", examples=["8000"])
    tables_file: Path = Field(description="a file", examples=["/srv/darkroom/tables.db"])


def read_settings() -> Settings:
    """Raises Refusal with a line for each wrong value: the variable, what was expected, an example."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [_line(str(wrong["loc"][0])) for wrong in error.errors()]
        raise Refusal("\n".join(lines), ExitCode.WRONG_SETTING) from error


def _line(name: str) -> str:
    field = Settings.model_fields[name]
    example = (field.examples or [""])[0]
    return f"{PREFIX}{name.upper()} is missing or wrong: expected {field.description}, for example {example}"
