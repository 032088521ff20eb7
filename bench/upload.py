"""What `darkroom upload` of a 2 GB file costs beside hashing and copying it: upload / (`sha256sum` + `cp` + fsync)."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket

FIGURES = ("upload_vs_copy",)

FILE_BYTES = 2_000_000_000
BLOCK_BYTES = 16 * 1024 * 1024
ROUNDS = 3
DARKROOM = Path(sys.executable).with_name("darkroom")
READY = "Darkroom is ready at"
READY_SECONDS = 60
STOP_SECONDS = 60
ACCOUNT = {"DARKROOM_EMAIL": "bench@example.com", "DARKROOM_PASSWORD": "a password for a benchmark"}


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="darkroom-upload-"))
    try:
        with installation(folder) as environment:
            file = folder / "film.mp4"
            write_random(file)
            copies, uploads = [], []
            for number in range(ROUNDS):
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
    """A whole Darkroom on free ports, and the environment in which `darkroom` is signed in to it."""
    port = free_ports()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    own = {"DARKROOM_DATA": str(folder / "data"), "DARKROOM_PORT": str(port)}
    log = folder / "up.log"
    with (
        log.open("w") as output,
        subprocess.Popen([DARKROOM, "up"], env=inherited | own, stdout=output, stderr=output) as process,  # noqa: S603 - our own command
    ):
        try:
            await_ready(process, log)
            signed_in = inherited | {
                "DARKROOM_URL": f"http://127.0.0.1:{port}",
                "XDG_CONFIG_HOME": str(folder / "config"),
                "XDG_STATE_HOME": str(folder / "state"),
            }
            seconds_of([DARKROOM, "register"], signed_in | ACCOUNT)
            yield signed_in
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def await_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up_at = time.monotonic() + READY_SECONDS
    while READY not in log.read_text():
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise SystemExit(f"`darkroom up` did not become ready:\n{log.read_text()[-2_000:]}")
        time.sleep(0.1)


def free_ports() -> int:
    """A loopback port whose two neighbours are free as well: those of the object store and the edge."""
    while True:
        with socket() as first, socket() as second, socket() as third:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                third.bind(("127.0.0.1", port + 2))
            except (OSError, OverflowError):
                continue
            return port


def write_random(file: Path) -> None:
    with file.open("wb") as opened:
        for start in range(0, FILE_BYTES, BLOCK_BYTES):
            opened.write(os.urandom(min(BLOCK_BYTES, FILE_BYTES - start)))
        os.fsync(opened.fileno())


def make_new(file: Path, number: int) -> None:
    """Other bytes than in the rounds before, or the service would say that it has them already."""
    with file.open("r+b") as opened:
        opened.write(number.to_bytes(8, "big"))
        os.fsync(opened.fileno())


def seconds_of_copy(file: Path, copy: Path) -> float:
    """`sync FILE` is fsync(2) of that file alone."""
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
