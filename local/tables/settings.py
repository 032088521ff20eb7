"""What the tables server is told by its environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TablesSettings(BaseSettings):
    """Read from variables with the prefix `DARKROOM_`."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, extra="ignore")

    tables_file: Path = Field(description="The SQLite file, for example /var/lib/darkroom/tables.db")
    listen_host: str = Field("127.0.0.1", description="The address to listen on")
    listen_port: int = Field(description="The port to listen on, for example 8000", ge=0, le=65535)
