"""Base models on the wire: frozen; requests forbid unknown fields."""

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """A client's request; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Response(BaseModel):
    """A response of the service; clients ignore unknown fields, so that later versions may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)
