"""How every model on the wire behaves: frozen, and without tolerance for unknown fields in what clients send."""

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """What a client sends; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Response(BaseModel):
    """What the service answers; a client ignores fields that it does not know, so that the service may grow."""

    model_config = ConfigDict(extra="ignore", frozen=True)
