"""What media hands out: facts and files of a photo, or why there are none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from shared.items import FailureCode, ItemKind

# Checked where a child's answer is read: it may come from a child that its picture took over.
Edge = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=1)]
Camera = Annotated[str, Field(min_length=1, max_length=100)]
Placeholder = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{7,44}={0,2}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class RenditionFile:
    """A finished file; `file` is its name inside the folder that the job was given."""

    name: str
    file: str
    content_type: str
    width: Edge
    height: Edge
    size_bytes: Size
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class Probe:
    """What the header says, known before anything is decoded; part of a capsule, so it holds no user data."""

    format: str
    width: int
    height: int
    bands: int
    pixel: str
    interpretation: str
    orientation: int
    profile_bytes: int


@dataclass(frozen=True, slots=True)
class MadeImage:
    """A photo's facts and files; width and height are the original's, upright."""

    width: Edge
    height: Edge
    captured_at: datetime | None
    camera: Camera | None
    placeholder: Placeholder
    renditions: tuple[RenditionFile, ...]


@dataclass(frozen=True, slots=True)
class MediaResult:
    """What a child made of an original, and what it cost."""

    kind: ItemKind
    width: int
    height: int
    captured_at: datetime | None
    camera: str | None
    placeholder: str
    renditions: tuple[RenditionFile, ...]
    cpu_seconds: float
    wall_seconds: float


class Limit(StrEnum):
    """What a child ran into."""

    TIME = "time"
    CPU = "cpu"
    ADDRESS_SPACE = "address_space"
    FILE_SIZE = "file_size"


class MediaError(Exception):
    """The file is the reason, and `message` says so to the person who uploaded it. `passing`: another try may help."""

    def __init__(self, code: FailureCode, message: str, *, passing: bool = False) -> None:
        super().__init__(code, message)
        self.code, self.message, self.passing = code, message, passing


@dataclass(frozen=True, slots=True)
class Capsule:
    """Everything known about a decoder's death except whose file it was."""

    reason: str
    command: tuple[str, ...]
    versions: Mapping[str, str]
    signal: str | None = None
    exit_code: int | None = None
    limit: Limit | None = None
    probe: Probe | None = None


class DecoderDied(Exception):
    """The child, or the template above it, ended without an answer: the attempt is lost, the next may succeed."""

    def __init__(self, capsule: Capsule) -> None:
        super().__init__(capsule.reason)
        self.capsule = capsule

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.capsule,)
