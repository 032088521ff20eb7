"""Turns how a child ended into a result, a refusal or a capsule; trusts nothing that the child said."""

import platform
import signal
from importlib.metadata import version

from pydantic import ValidationError

from app.media.protocol import EXIT_CRASHED, EXIT_MADE, EXIT_REFUSED, OUT_OF_MEMORY, SAID, JobEnded, Said
from app.media.recipe import RECIPE, recipe_hash
from app.media.results import Capsule, DecoderDied, Limit, MadeImage, MediaError, MediaResult, Probe, RenditionFile
from app.media.sandbox import Limits
from shared.items import ItemKind


def result_of(ended: JobEnded, limits: Limits) -> MediaResult:
    """Raises MediaError if the file was refused, DecoderDied if the child did not end by itself."""
    said = _understand(ended.said)
    if ended.exit_code == EXIT_MADE and said.image is not None and _follows_recipe(said.image.renditions):
        return _media_result(said.image, ended)
    if ended.exit_code == EXIT_REFUSED and said.failure is not None:
        raise MediaError(said.failure.code, said.failure.message, passing=said.failure.passing)
    raise _death(ended, said, limits)


def allowed_in(ended: JobEnded, limits: Limits) -> tuple[str, ...]:
    """Of a check. Raises DecoderDied if the child could not be confined or gave no answer."""
    said = _understand(ended.said)
    if ended.exit_code == EXIT_MADE and said.allowed is not None:
        return said.allowed
    raise _death(ended, said, limits)


def _death(ended: JobEnded, said: Said, limits: Limits) -> DecoderDied:
    if ended.exit_code < 0:
        name = signal.Signals(-ended.exit_code).name
        return died(f"killed by {name}", limits, signal_name=name, limit=_limit_hit(ended), probe=said.probe)
    if ended.exit_code == EXIT_CRASHED and said.crash is not None:
        limit = Limit.ADDRESS_SPACE if said.crash.startswith(OUT_OF_MEMORY) else None
        return died(f"crashed: {said.crash}", limits, exit_code=EXIT_CRASHED, limit=limit, probe=said.probe)
    return died("ended without an answer", limits, exit_code=ended.exit_code, probe=said.probe)


def died(
    reason: str,
    limits: Limits,
    *,
    signal_name: str | None = None,
    exit_code: int | None = None,
    limit: Limit | None = None,
    probe: Probe | None = None,
) -> DecoderDied:
    """With all that the capsule tells besides: the command and the versions of the tools."""
    command = (
        "make_image",
        f"recipe={recipe_hash()}",
        f"address_space_bytes={limits.address_space_bytes}",
        f"cpu_seconds={limits.cpu_seconds}",
        f"file_bytes={limits.file_bytes}",
    )
    versions = {"python": platform.python_version()} | {name: version(name) for name in ("pyvips", "pyvips-binary")}
    return DecoderDied(Capsule(reason, command, versions, signal_name, exit_code, limit, probe))


def probe_in(ended: JobEnded) -> Probe | None:
    return _understand(ended.said).probe


def _understand(text: str) -> Said:
    """All complete lines as one; a line cut off by death, or made up, ends the reading."""
    probe = image = failure = crash = allowed = None
    for line in text.splitlines():
        try:
            said = SAID.validate_json(line)
        except ValidationError:
            break
        probe, image = said.probe or probe, said.image or image
        failure, crash = said.failure or failure, said.crash or crash
        allowed = said.allowed if said.allowed is not None else allowed
    return Said(probe=probe, image=image, failure=failure, crash=crash, allowed=allowed)


def _follows_recipe(renditions: tuple[RenditionFile, ...]) -> bool:
    """A child taken over by its picture could name any file for upload."""
    named = [(rendition.name, rendition.file, rendition.content_type) for rendition in renditions]
    return named == [(recipe.name, recipe.file, recipe.content_type) for recipe in RECIPE]


def _media_result(image: MadeImage, ended: JobEnded) -> MediaResult:
    return MediaResult(
        kind=ItemKind.IMAGE,
        width=image.width,
        height=image.height,
        captured_at=image.captured_at,
        camera=image.camera,
        placeholder=image.placeholder,
        renditions=image.renditions,
        cpu_seconds=ended.cpu_seconds,
        wall_seconds=ended.wall_seconds,
    )


def _limit_hit(ended: JobEnded) -> Limit | None:
    match -ended.exit_code:
        case signal.SIGXCPU:
            return Limit.CPU
        case signal.SIGXFSZ:
            return Limit.FILE_SIZE
        case signal.SIGSYS:
            return Limit.SYSTEM_CALL
    complaint = ended.stderr.lower()
    if "failed to allocate" in complaint or OUT_OF_MEMORY in complaint:  # GLib's words before it aborts
        return Limit.ADDRESS_SPACE
    return None
