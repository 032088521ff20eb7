"""Checks before a worker touches a file: its decoders start, their sandbox is effective, and they can decode."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from app.media.decoders import Decoders
from app.media.results import DecoderCrashed, MediaError
from app.media.sandbox import landlock
from app.media.sandbox.check import SECRET, needing_landlock
from app.media.space import is_full
from app.settings import Sandbox
from app.worker.samples import PHOTO, VIDEO

log = structlog.get_logger()

LIMIT_SECONDS = 60.0
"""On a machine that is booting, starting the template takes some seconds."""


class Unsafe(Exception):
    """The reason why this worker must not start, in one line for the operator."""


async def check_sandbox(decoders: Decoders, scratch: Path, required: Sandbox) -> int | None:
    """Return the kernel's level of Landlock, None without it. Raises Unsafe."""
    level = _landlock_level()
    if level is None and required is Sandbox.STRICT:
        raise Unsafe(
            "This kernel has no Landlock, so a decoder could read what the worker can: boot with `lsm=landlock,...`, "
            "or accept it with DARKROOM_SANDBOX=relaxed."
        )
    with _full_disk_is_unsafe(), _two_folders(scratch) as (outside, folder):
        try:
            allowed = await decoders.check_sandbox(outside, folder, limit_seconds=LIMIT_SECONDS)
        except DecoderCrashed as crashed:
            raise Unsafe(_why_no_decoder(crashed)) from crashed
    if level is None:
        allowed -= needing_landlock()
        log.warning("sandbox.without_landlock")
    if allowed:
        raise Unsafe(f"The sandbox is not effective. A decoder could: {', '.join(sorted(allowed))}.")
    log.info("sandbox.verified", landlock_level=level)
    return level


async def check_decoding(decoders: Decoders, scratch: Path) -> None:
    """Decode a tiny photo and a tiny video in children like those for users' files. Raises Unsafe."""
    with _full_disk_is_unsafe(), _samples(scratch) as (photo, video, folder):
        with _required("photo"):
            await decoders.make_image(photo, folder, limit_seconds=LIMIT_SECONDS)
        with _required("video"):
            facts = await decoders.probe_video(video, folder, limit_seconds=LIMIT_SECONDS)
            await decoders.make_poster(video, folder, facts, limit_seconds=LIMIT_SECONDS)


@contextmanager
def _full_disk_is_unsafe() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise Unsafe("The disk of the scratch folder is full: free space, or set DARKROOM_SCRATCH_FOLDER.") from error


@contextmanager
def _samples(scratch: Path) -> Iterator[tuple[Path, Path, Path]]:
    """Yield the photo, the video, and a folder for the results."""
    with TemporaryDirectory(dir=scratch) as originals, TemporaryDirectory(dir=scratch) as folder:
        photo, video = Path(originals, "photo.jpg"), Path(originals, "video.mp4")
        photo.write_bytes(PHOTO)
        video.write_bytes(VIDEO)
        yield photo, video, Path(folder)


@contextmanager
def _required(sample: str) -> Iterator[None]:
    try:
        yield
    except DecoderCrashed as crashed:
        versions = ", ".join(f"{name} {version}" for name, version in crashed.crash_report.versions.items())
        raise Unsafe(_cannot_decode(sample, f"{crashed.crash_report.reason}; {versions}")) from crashed
    except MediaError as error:
        raise Unsafe(_cannot_decode(sample, error.message)) from error


def _cannot_decode(sample: str, reason: str) -> str:
    reason = " ".join(reason.split())
    return f"This machine cannot decode a {sample} ({reason}): reinstall the locked packages with `make clean install`."


@contextmanager
def _two_folders(scratch: Path) -> Iterator[tuple[Path, Path]]:
    """Yield a folder with a secret that a decoder must not reach, and one for its work."""
    with TemporaryDirectory(dir=scratch) as outside, TemporaryDirectory(dir=scratch) as folder:
        Path(outside, SECRET).write_text("not for decoders")
        yield Path(outside), Path(folder)


def _landlock_level() -> int | None:
    with suppress(landlock.LandlockMissing):
        return landlock.level()
    return None


def _why_no_decoder(crashed: DecoderCrashed) -> str:
    reason = crashed.crash_report.reason
    if "SeccompMissing" in reason:
        return "This kernel has no seccomp filters (CONFIG_SECCOMP_FILTER), and no decoder runs without them."
    return f"No decoder can be started here: {reason}. The lines above may contain the reason."
