"""Results of media processing: facts and files of a photo or video, or the reason for their absence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from darkroom_shared.items import FailureCode, ItemKind

# Validated where a child's report is parsed: a malicious image may have compromised the child.
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
    """A finished file; `file` is its name in the job's folder. Not every file has an image size."""

    name: str
    file: str
    content_type: str
    width: Edge | None
    height: Edge | None
    size_bytes: Size
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class Probe:
    """The facts in the header, known before decoding; part of a crash report, so it contains no user data."""

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
    """How an animation becomes a video: its number of frames, even edges, and one output frame per `step_ticks` of 10
    ms."""

    frames: Annotated[int, Field(ge=2)]
    width: Annotated[int, Field(ge=2, le=4096)]
    height: Annotated[int, Field(ge=2, le=4096)]
    step_ticks: Annotated[int, Field(ge=1)]
    duration_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class MadeImage:
    """A photo's facts and files; width and height are those of the upright original."""

    width: Edge
    height: Edge
    captured_at: datetime | None
    camera: Camera | None
    placeholder: Placeholder
    renditions: tuple[RenditionFile, ...]
    loop: Loop | None = None


@dataclass(frozen=True, slots=True)
class MediaResult:
    """What a child made of an original, and its cost. With a `loop` the original is an animation; its video comes
    later."""

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
    """Encoding of a high dynamic range: HDR10 and its variants, or HLG."""

    PQ = "pq"
    HLG = "hlg"


class Matrix(StrEnum):
    """Matrix of the conversion from RGB to luma and chroma."""

    BT601 = "bt601"
    BT709 = "bt709"
    BT2020 = "bt2020"


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Results of the probe; width and height as displayed: upright, with square pixels."""

    container: Container
    codec: Name
    pixel_format: Name
    width: Edge
    height: Edge
    duration_seconds: Seconds
    frame_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """The original's average."""
    output_rate: Rate
    """Constant frame rate of the renditions, as a fraction."""
    hdr: HdrTransfer | None
    matrix: Matrix
    wide_gamut: bool
    """BT.2020 colours without a high dynamic range."""
    full_range: bool
    video_stream: StreamNumber
    audio_stream: StreamNumber | None
    audio_padding_seconds: Seconds = 0.0
    """Silence to append to the audio: the video track is longer by this."""
    video_padding_seconds: Seconds = 0.0
    """Repetition of the last frame to append to the video: the audio track is longer by this."""
    captured_at: datetime | None = None
    camera: Camera | None = None
    cpu_seconds: Seconds = 0.0
    wall_seconds: Seconds = 0.0

    @property
    def has_audio(self) -> bool:
        return self.audio_stream is not None


@dataclass(frozen=True, slots=True)
class EncodeProgress:
    """The encoder's position in the video, and the files that are complete or new since the previous report.

    Segments `{rung}_{number:05d}.m4s` and `{rung}_init.mp4` come once, playlists `{rung}.m3u8` after each change,
    `storyboard.jpg` and `storyboard.vtt` in the last report. A playlist names only files that were reported.
    """

    encoded_seconds: float
    files: tuple[Path, ...]


class Limit(StrEnum):
    """The limit that a child exceeded."""

    TIME = "time"
    CPU = "cpu"
    ADDRESS_SPACE = "address_space"
    FILE_SIZE = "file_size"
    SYSTEM_CALL = "system_call"
    STALLED = "stalled"


class MediaError(Exception):
    """The file is at fault; `message` explains it to the uploader. `passing`: a retry may help."""

    def __init__(self, code: FailureCode, message: str, *, passing: bool = False) -> None:
        super().__init__(code, message)
        self.code, self.message, self.passing = code, message, passing


@dataclass(frozen=True, slots=True)
class CrashReport:
    """Everything known about a decoder's crash except the owner of the file."""

    reason: str
    command: tuple[str, ...]
    versions: Mapping[str, str]
    signal: str | None = None
    exit_code: int | None = None
    limit: Limit | None = None
    probe: Probe | VideoFacts | None = None


class DecoderCrashed(Exception):
    """The child or its template ended without a report: the attempt is lost, and the next one may succeed."""

    def __init__(self, crash_report: CrashReport) -> None:
        super().__init__(crash_report.reason)
        self.crash_report = crash_report

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.crash_report,)


class TemplateClosed(DecoderCrashed):
    """The child did not fail, but its template was closed because it failed to end another job's child."""
