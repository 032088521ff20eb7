"""The keys that sign delivery URLs, as one file stores them: the first one signs, older ones stay valid at the edge."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from darkroom_shared.times import Moment


class DeliveryKey(BaseModel):
    """A private key, and the time since which it has signed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
    private_key: str = Field(repr=False)
    since: Moment


class DeliveryKeys(BaseModel):
    """All keys of the file, at least one, the newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    keys: Annotated[tuple[DeliveryKey, ...], Field(min_length=1)]

    @property
    def signing(self) -> DeliveryKey:
        return self.keys[0]
