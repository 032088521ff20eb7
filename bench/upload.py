"""Compare `darkroom upload` of a 2 GB file with hashing and copying it: upload / (`sha256sum` + `cp` + fsync)."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.scale import scaled
from bench.service import DARKROOM, EMAIL, PASSWORD, environment_without_settings, running_service

FIGURES = ("upload_vs_copy",)

FILE_BYTES = scaled(2_000_000_000)
BLOCK_BYTES = 16 * 1024 * 1024
REPEATS = 3


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="darkroom-upload-"))
    try:
        with installation(folder) as environment:
            file = folder / "video.mp4"
            write_random(file)
            copies, uploads = [], []
            for number in range(REPEATS):
                make_new(file, number)
                copies.append(seconds_of_copy(file, folder / "copy.mp4"))
                uploads.append(seconds_of([DARKROOM, "upload", file], environment))
        copy, upload = statistics.median(copies), statistics.median(uploads)
        print(f"{FILE_BYTES / 1e9:.0f} GB: sha256sum, cp and fsync {copy:.2f} s, darkroom upload {upload:.2f} s")
        print(f"figure upload_vs_copy {upload / copy:.3f}")
    finally:
        shutil.rmtree(folder)


@contextmanager
def installation(folder: Path) -> Iterator[dict[str, str]]:
    """Run a service and yield the environment in which `darkroom` is signed in to it."""
    with running_service(folder) as url:
        signed_in = environment_without_settings() | {
            "DARKROOM_URL": url,
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        account = {"DARKROOM_EMAIL": EMAIL, "DARKROOM_PASSWORD": PASSWORD}
        seconds_of([DARKROOM, "register"], signed_in | account)
        yield signed_in


def write_random(file: Path) -> None:
    with file.open("wb") as opened:
        for start in range(0, FILE_BYTES, BLOCK_BYTES):
            opened.write(os.urandom(min(BLOCK_BYTES, FILE_BYTES - start)))
        os.fsync(opened.fileno())


def make_new(file: Path, number: int) -> None:
    """Change the file's bytes in each round; otherwise the service would report a duplicate."""
    with file.open("r+b") as opened:
        opened.write(number.to_bytes(8, "big"))
        os.fsync(opened.fileno())


def seconds_of_copy(file: Path, copy: Path) -> float:
    """Return the seconds of hashing, copying and syncing; `sync FILE` is fsync(2) of that file only."""
    began = time.perf_counter()
    commands: list[list[str | Path]] = [["sha256sum", file], ["cp", file, copy], ["sync", copy]]
    for command in commands:
        seconds_of(command, None)
    seconds = time.perf_counter() - began
    copy.unlink()
    return seconds


def seconds_of(command: Sequence[str | Path], environment: dict[str, str] | None) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own commands
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
