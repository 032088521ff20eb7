"""Converts a child's end to a result, a refusal or a crash report; trusts none of the child's output."""

import errno
import platform
import signal
from dataclasses import fields, replace
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import assert_never

from pydantic import ValidationError

from app.media.recipe import RECIPE, recipe_hash
from app.media.results import (
    CrashReport,
    DecoderCrashed,
    Limit,
    MadeImage,
    MediaError,
    MediaResult,
    Probe,
    RenditionFile,
    TemplateClosed,
    VideoFacts,
)
from app.media.sandbox.protocol import (
    EXIT_CRASHED,
    EXIT_MADE,
    EXIT_REFUSED,
    OUT_OF_MEMORY,
    REPORT_ADAPTER,
    JobEnded,
    MakeImage,
    ProbeVideo,
    Report,
    RunEncoder,
    StartCheck,
    StartJob,
    WriteFrames,
)
from app.media.space import FULL_DISK_ERRORS, no_space, reports_full, require_writable
from app.media.video.encoder import encoder_versions
from app.media.video.errors import damaged
from darkroom_shared.items import ItemKind

# The encoder's exit codes for no memory, no space, or a wrong command of ours (errno, negated, as a byte).
OUR_FAULTS = frozenset(256 - number for number in (errno.ENOMEM, errno.EINVAL, *FULL_DISK_ERRORS))
# Messages of libvips, GLib and the encoder when the limit on memory was hit.
OUT_OF_MEMORY_MESSAGES = (OUT_OF_MEMORY, "failed to allocate", "cannot allocate memory")


class Interrupted(StrEnum):
    """How a child was lost before it ended by itself."""

    TEMPLATE_ENDED = "lost with the decoder template"
    TEMPLATE_CLOSED = "lost because the decoder template had to be closed for another job"


def result_of(ended: JobEnded, request: StartJob) -> MediaResult:
    """Return the result. Raises MediaError if the file was refused, DecoderCrashed if the child failed."""
    report = _parse_reports(ended.output)
    if ended.exit_code == EXIT_MADE and report.image is not None and _matches_recipe(report.image.renditions):
        return _media_result(report.image, ended)
    raise _failure(ended, request, report)


def facts_of(ended: JobEnded, request: StartJob) -> VideoFacts:
    """Return the facts of a probe. Raises the same as `result_of`."""
    report = _parse_reports(ended.output)
    if ended.exit_code == EXIT_MADE and report.video is not None:
        return replace(report.video, cpu_seconds=ended.cpu_seconds, wall_seconds=ended.wall_seconds)
    raise _failure(ended, request, report)


def require_encoded(ended: JobEnded, request: StartJob, facts: VideoFacts) -> None:
    """Raise MediaError if the encoder rejected the file, DecoderCrashed if it crashed or the fault is ours."""
    if ended.exit_code == EXIT_MADE:
        return
    report, limit = _parse_reports(ended.output), _limit_hit(ended)
    if ended.exit_code < 0 or report.crash is not None:
        raise _failure(ended, request, report, probe=facts)
    if ended.exit_code in OUR_FAULTS or limit is not None:
        reason = f"the encoder ended with {ended.exit_code}"
        raise crashed(reason, request, exit_code=ended.exit_code, limit=limit, probe=facts)
    raise damaged()


def require_disk(ended: JobEnded, folder: Path) -> None:
    """Raise OSError if the disk or quota was full when the child failed: then no other reason is certain."""
    if 256 - ended.exit_code in FULL_DISK_ERRORS or reports_full(ended.stderr):
        raise no_space("a decoder or encoder had no space on the scratch folder's disk")
    require_writable(folder)


def require_success(ended: JobEnded, request: StartJob) -> None:
    """Check a child that returns only files. Raises the same as `result_of`."""
    if ended.exit_code != EXIT_MADE:
        raise _failure(ended, request, _parse_reports(ended.output))


def allowed_in(ended: JobEnded, request: StartCheck) -> tuple[str, ...]:
    """Return the result of a check. Raises DecoderCrashed if the child could not be confined or sent no report."""
    report = _parse_reports(ended.output)
    if ended.exit_code == EXIT_MADE and report.allowed is not None:
        return report.allowed
    raise _failure(ended, request, report)


def _failure(
    ended: JobEnded, request: StartJob | StartCheck, report: Report, *, probe: VideoFacts | None = None
) -> MediaError | DecoderCrashed:
    known = probe or report.probe
    if ended.exit_code == EXIT_REFUSED and report.failure is not None:
        return MediaError(report.failure.code, report.failure.message, passing=report.failure.passing)
    if ended.exit_code < 0:
        name = name_of_signal(-ended.exit_code)
        return crashed(f"killed by {name}", request, signal_name=name, limit=_limit_hit(ended), probe=known)
    if ended.exit_code == EXIT_CRASHED and report.crash is not None:
        limit = Limit.ADDRESS_SPACE if report.crash.startswith(OUT_OF_MEMORY) else None
        return crashed(f"crashed: {report.crash}", request, exit_code=EXIT_CRASHED, limit=limit, probe=known)
    return crashed("ended without a result", request, exit_code=ended.exit_code, probe=known)


def crashed(
    reason: str,
    request: StartJob | StartCheck,
    *,
    signal_name: str | None = None,
    exit_code: int | None = None,
    limit: Limit | None = None,
    probe: Probe | VideoFacts | None = None,
) -> DecoderCrashed:
    """Return the error; its crash report adds command and tool versions, and contains no data of the owner."""
    if isinstance(probe, VideoFacts):
        probe = replace(probe, captured_at=None, camera=None)
    limits = request.limits
    command = (
        *_command(request),
        f"recipe={recipe_hash()}",
        f"address_space_bytes={limits.address_space_bytes}",
        f"cpu_seconds={limits.cpu_seconds}",
        f"file_bytes={limits.file_bytes}",
    )
    versions = {"python": platform.python_version()} | _versions(request)
    return DecoderCrashed(CrashReport(reason, command, versions, signal_name, exit_code, limit, probe))


def interrupted(how: Interrupted, request: StartJob | StartCheck, *, probe: VideoFacts | None = None) -> DecoderCrashed:
    """Return the error of a child that has no end of its own."""
    error = crashed(how.value, request, probe=probe)
    return TemplateClosed(error.crash_report) if how is Interrupted.TEMPLATE_CLOSED else error


def name_of_signal(number: int) -> str:
    """Return the name of a signal; real-time signals have none in Python and get their number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def _command(request: StartJob | StartCheck) -> tuple[str, ...]:
    if isinstance(request, StartCheck):
        return ("check_sandbox",)
    match request.work:
        case MakeImage():
            return ("make_image",)
        case WriteFrames():
            return ("write_frames",)
        case ProbeVideo():
            return ("probe_video",)
        case RunEncoder(arguments=arguments):
            return ("ffmpeg", *(argument.replace(request.source, "source") for argument in arguments))
    assert_never(request.work)


def _versions(request: StartJob | StartCheck) -> dict[str, str]:
    match request:
        case StartJob(work=RunEncoder()):
            return encoder_versions()
        case StartJob(work=ProbeVideo()):
            return {"av": version("av")}
    return {name: version(name) for name in ("pyvips", "pyvips-binary")}


def probe_in(ended: JobEnded) -> Probe | None:
    """Return what a killed or failed child had reported about its file; None if it reported nothing."""
    return _parse_reports(ended.output).probe


def _parse_reports(text: str) -> Report:
    """Merge all complete lines; stop at a line that is truncated or invalid."""
    merged = Report()
    for line in text.splitlines():
        try:
            report = REPORT_ADAPTER.validate_json(line)
        except ValidationError:
            break
        reported = {field.name: getattr(report, field.name) for field in fields(report)}
        merged = replace(merged, **{name: value for name, value in reported.items() if value is not None})
    return merged


def _matches_recipe(renditions: tuple[RenditionFile, ...]) -> bool:
    """Return True if the files are the recipe's: a compromised child could name any file for upload."""
    named = [(rendition.name, rendition.file, rendition.content_type) for rendition in renditions]
    return named == [(recipe.name, recipe.file, recipe.content_type) for recipe in RECIPE]


def _media_result(image: MadeImage, ended: JobEnded) -> MediaResult:
    return MediaResult(
        kind=ItemKind.VIDEO if image.loop else ItemKind.IMAGE,
        width=image.width,
        height=image.height,
        captured_at=image.captured_at,
        camera=image.camera,
        placeholder=image.placeholder,
        renditions=image.renditions,
        cpu_seconds=ended.cpu_seconds,
        wall_seconds=ended.wall_seconds,
        loop=image.loop,
    )


def _limit_hit(ended: JobEnded) -> Limit | None:
    match -ended.exit_code:
        case signal.SIGXCPU:
            return Limit.CPU
        case signal.SIGXFSZ:
            return Limit.FILE_SIZE
        case signal.SIGSYS:
            return Limit.SYSTEM_CALL
    message = ended.stderr.lower()
    if any(words in message for words in OUT_OF_MEMORY_MESSAGES):
        return Limit.ADDRESS_SPACE
    return None
