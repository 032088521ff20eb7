"""Messages between the worker and the decoder template, one JSON document per packet."""

import errno
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from app.media.results import Loop, MadeImage, Probe, VideoFacts
from app.media.sandbox.confinement import Limits
from darkroom_shared.items import FailureCode

# A child reports less than 2 KB. The maximum, escaped sixfold, must still fit a packet.
MAX_REPORT_BYTES = 16 * 1024
MAX_STDERR_BYTES = 4 * 1024
MAX_PACKET_BYTES = 160 * 1024

# Exit codes of a child: files made; the file is at fault; an error of ours (sysexits.h).
EXIT_MADE, EXIT_REFUSED, EXIT_CRASHED = 0, 65, 70
# No space on the disk: the encoder's own code (errno, negated, as a byte), and that of our children.
EXIT_NO_SPACE = 256 - errno.ENOSPC

# libvips' own message, kept in a crashed child's report.
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
    """The child becomes the encoder. With `joins`, that rung's files in the folder are first joined into the source."""

    arguments: tuple[str, ...]
    joins: str | None = None
    kind: Literal["encoder"] = "encoder"


Work = MakeImage | WriteFrames | ProbeVideo | RunEncoder


@dataclass(frozen=True, slots=True)
class StartJob:
    """Start a child for one file. `job` identifies it in all further packets."""

    job: int
    source: str
    folder: str
    limits: Limits
    work: Annotated[Work, Field(discriminator="kind")] = MakeImage()
    kind: Literal["start"] = "start"


@dataclass(frozen=True, slots=True)
class StartCheck:
    """A child that tries forbidden operations, among them access to the folder `source`.

    With `becomes_encoder` it is confined like an encoder, and finally prints the encoder's version.
    """

    job: int
    source: str
    folder: str
    limits: Limits
    becomes_encoder: bool
    kind: Literal["check"] = "check"


@dataclass(frozen=True, slots=True)
class KillJob:
    """Kill the job's child. A job that has ended is ignored."""

    job: int
    kind: Literal["kill"] = "kill"


@dataclass(frozen=True, slots=True)
class JobStarted:
    job: int
    pid: int
    kind: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The child is reaped. `output` has its own report lines, `stderr` the messages of libraries."""

    job: int
    exit_code: int
    cpu_seconds: float
    wall_seconds: float
    output: str
    stderr: str
    kind: Literal["ended"] = "ended"


@dataclass(frozen=True, slots=True)
class FailureReport:
    """`message` is a sentence for the owner; `passing`: whether another attempt may succeed."""

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
    """Result of a check: the operations that were not refused."""


AnyRequest = Annotated[StartJob | StartCheck | KillJob, Field(discriminator="kind")]
AnyJobReport = Annotated[JobStarted | JobEnded, Field(discriminator="kind")]

REQUEST_ADAPTER: TypeAdapter[StartJob | StartCheck | KillJob] = TypeAdapter(AnyRequest)
JOB_REPORT_ADAPTER: TypeAdapter[JobStarted | JobEnded] = TypeAdapter(AnyJobReport)
REPORT_ADAPTER: TypeAdapter[Report] = TypeAdapter(Report)
