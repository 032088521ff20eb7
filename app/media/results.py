"""What media hands out: facts and files of a photo, or why there are none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from shared.items import FailureCode, ItemKind

# Checked where a child's answer is read: it may come from a child that its picture took over.
Edge = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=1)]
Camera = Annotated[str, Field(min_length=1, max_length=100)]
Placeholder = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{7,44}={0,2}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
StreamNumber = Annotated[int, Field(ge=0, le=64)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
Rate = Annotated[str, Field(pattern=r"^[1-9]\d{0,8}/[1-9]\d{0,8}$")]


@dataclass(frozen=True, slots=True)
class RenditionFile:
    """A finished file; `file` is its name inside the folder that the job was given. Not all have a picture."""

    name: str
    file: str
    content_type: str
    width: Edge | None
    height: Edge | None
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
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Loop:
    """How an animation becomes a film: so many of its frames, of even edges, one each `step_ticks` of 10 ms."""

    frames: Annotated[int, Field(ge=2)]
    width: Annotated[int, Field(ge=2, le=4096)]
    height: Annotated[int, Field(ge=2, le=4096)]
    step_ticks: Annotated[int, Field(ge=1)]
    duration_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class MadeImage:
    """A photo's facts and files; width and height are the original's, upright."""

    width: Edge
    height: Edge
    captured_at: datetime | None
    camera: Camera | None
    placeholder: Placeholder
    renditions: tuple[RenditionFile, ...]
    loop: Loop | None = None


@dataclass(frozen=True, slots=True)
class MediaResult:
    """What a child made of an original, and what it cost; with a `loop` it is of an animation, but not yet its film."""

    kind: ItemKind
    width: int
    height: int
    captured_at: datetime | None
    camera: str | None
    placeholder: str
    renditions: tuple[RenditionFile, ...]
    cpu_seconds: float
    wall_seconds: float
    loop: Loop | None = None


class Container(StrEnum):
    """A family of file formats that share a reader."""

    MP4 = "mp4"
    MATROSKA = "matroska"


class HdrTransfer(StrEnum):
    """How a high dynamic range is coded: HDR10 and its kin, or HLG."""

    PQ = "pq"
    HLG = "hlg"


class Matrix(StrEnum):
    """How colours became luma and chroma."""

    BT601 = "bt601"
    BT709 = "bt709"
    BT2020 = "bt2020"


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the probe found; width and height as shown: upright, with square pixels."""

    container: Container
    codec: Name
    pixel_format: Name
    width: Edge
    height: Edge
    duration_seconds: Seconds
    frame_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """The original's, on average."""
    output_rate: Rate
    """Frames per second of what is made of it: constant, as a fraction."""
    hdr: HdrTransfer | None
    matrix: Matrix
    wide_gamut: bool
    """Colours of BT.2020 without a high dynamic range."""
    full_range: bool
    video_stream: StreamNumber
    audio_stream: StreamNumber | None
    max_idle_seconds: Seconds = 0.0
    """How much longer the picture is than the sound."""
    max_stall_seconds: Seconds = 0.0
    """How much longer the sound is than the picture."""
    captured_at: datetime | None = None
    camera: Camera | None = None
    cpu_seconds: Seconds = 0.0
    wall_seconds: Seconds = 0.0

    @property
    def has_audio(self) -> bool:
        return self.audio_stream is not None


@dataclass(frozen=True, slots=True)
class EncodeProgress:
    """How far the encoder's own clock is, and the files that are whole or new since the last one told.

    Segments `{rung}_{number:05d}.m4s` and `{rung}_init.mp4` come once, playlists `{rung}.m3u8` whenever they have
    changed, `storyboard.jpg` and `storyboard.vtt` in the last one. A playlist names no file that has not been told.
    """

    encoded_seconds: float
    files: tuple[Path, ...]


class Limit(StrEnum):
    """What a child ran into."""

    TIME = "time"
    CPU = "cpu"
    ADDRESS_SPACE = "address_space"
    FILE_SIZE = "file_size"
    SYSTEM_CALL = "system_call"
    STALLED = "stalled"


class MediaError(Exception):
    """The file is the reason, and `message` says so to the person who uploaded it. `passing`: another try may help."""

    def __init__(self, code: FailureCode, message: str, *, passing: bool = False) -> None:
        super().__init__(code, message)
        self.code, self.message, self.passing = code, message, passing


@dataclass(frozen=True, slots=True)
class CrashReport:
    """Everything known about a decoder's death except whose file it was."""

    reason: str
    command: tuple[str, ...]
    versions: Mapping[str, str]
    signal: str | None = None
    exit_code: int | None = None
    limit: Limit | None = None
    probe: Probe | VideoFacts | None = None


class DecoderCrashed(Exception):
    """The child, or the template above it, ended without an answer: the attempt is lost, the next may succeed."""

    def __init__(self, crash_report: CrashReport) -> None:
        super().__init__(crash_report.reason)
        self.crash_report = crash_report

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.crash_report,)
