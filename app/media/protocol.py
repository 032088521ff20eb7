"""What the worker and the decoder template say to each other, one JSON document a packet."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from app.media.results import Loop, MadeImage, Probe, VideoFacts
from app.media.sandbox import Limits
from shared.items import FailureCode

# A child says less than 2 KB. What it may say at most, escaped sixfold, must still fit a packet.
MAX_REPORT_BYTES = 16 * 1024
MAX_STDERR_BYTES = 4 * 1024
MAX_PACKET_BYTES = 160 * 1024

# How a child ends by itself: files made; the file is the reason that there are none; a fault of ours (sysexits.h).
EXIT_MADE, EXIT_REFUSED, EXIT_CRASHED = 0, 65, 70

# libvips' own words, kept in what a crashed child says.
OUT_OF_MEMORY = "out of memory"


@dataclass(frozen=True, slots=True)
class MakeImage:
    kind: Literal["image"] = "image"


@dataclass(frozen=True, slots=True)
class WriteFrames:
    """The child writes an animation's frames into the pipe in its folder."""

    loop: Loop
    kind: Literal["frames"] = "frames"


@dataclass(frozen=True, slots=True)
class ProbeVideo:
    kind: Literal["probe"] = "probe"


@dataclass(frozen=True, slots=True)
class RunEncoder:
    """The child becomes the encoder. With `joins`, that rung's files in the folder become the source first."""

    arguments: tuple[str, ...]
    joins: str | None = None
    kind: Literal["encoder"] = "encoder"


Work = MakeImage | WriteFrames | ProbeVideo | RunEncoder


@dataclass(frozen=True, slots=True)
class StartJob:
    job: int
    source: str
    folder: str
    limits: Limits
    work: Annotated[Work, Field(discriminator="kind")] = MakeImage()
    kind: Literal["start"] = "start"


@dataclass(frozen=True, slots=True)
class StartCheck:
    """A child that tries what the sandbox forbids, among it to reach into the folder `source`.

    With `becomes_encoder` it is confined as an encoder is, and ends as one that tells its version.
    """

    job: int
    source: str
    folder: str
    limits: Limits
    becomes_encoder: bool
    kind: Literal["check"] = "check"


@dataclass(frozen=True, slots=True)
class KillJob:
    job: int
    kind: Literal["kill"] = "kill"


@dataclass(frozen=True, slots=True)
class JobStarted:
    job: int
    pid: int
    kind: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The child is gone and reaped; `said` holds its own lines, `stderr` what libraries complained about."""

    job: int
    exit_code: int
    cpu_seconds: float
    wall_seconds: float
    output: str
    stderr: str
    kind: Literal["ended"] = "ended"


@dataclass(frozen=True, slots=True)
class FailureReport:
    code: FailureCode
    message: Annotated[str, Field(max_length=300)]
    passing: bool


@dataclass(frozen=True, slots=True)
class Report:
    """One line from a child: exactly one field is set."""

    probe: Probe | None = None
    image: MadeImage | None = None
    video: VideoFacts | None = None
    failure: FailureReport | None = None
    crash: str | None = None
    allowed: tuple[str, ...] | None = None
    """Of a check: what was not refused."""


type_of_request = Annotated[StartJob | StartCheck | KillJob, Field(discriminator="kind")]
type_of_report = Annotated[JobStarted | JobEnded, Field(discriminator="kind")]

REQUEST: TypeAdapter[StartJob | StartCheck | KillJob] = TypeAdapter(type_of_request)
REPORT: TypeAdapter[JobStarted | JobEnded] = TypeAdapter(type_of_report)
REPORT_ADAPTER: TypeAdapter[Report] = TypeAdapter(Report)
