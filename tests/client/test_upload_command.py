"""`darkroom upload` as separate processes: folders, interruptions, unusual files, waiting."""

import filecmp
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from darkroom_shared.uploads import MEBIBYTE
from tests.client.conftest import ScriptedAccount, darkroom, random_file

CUTS_PER_VIDEO = 10
VIDEO_BYTES = 72 * MEBIBYTE
"""Four and a half parts."""
NOISE_MEGABYTES = 2
KILOBYTES_PER_FILE = 4
"""The paths and outcomes that the summary needs take 1.6."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "videos",
    [
        pytest.param(1, id="10 cuts"),
        pytest.param(5, marks=pytest.mark.tier("full", "more random offsets"), id="50 cuts"),
    ],
)
async def test_cut_at_random_offsets_and_resumed_from_other_processes_no_part_is_sent_twice(
    account: ScriptedAccount, tmp_path: Path, videos: int
) -> None:
    random = Random(6)
    for number in range(videos):
        video = random_file(tmp_path / f"{number}.mp4", VIDEO_BYTES, seed=number)
        for _ in range(CUTS_PER_VIDEO):
            record = account.record()
            missing_bytes = VIDEO_BYTES * (number + 1) - record["stored_bytes"]
            account.script(stall_at=record["received_bytes"] + random.randrange(missing_bytes))
            with account.started("upload", video):
                await account.until_stalled()
        account.script(stall_at=None)
        (finished,) = account.lines("upload", video)
        assert finished["outcome"] == "uploaded"
        copy = tmp_path / "copy.mp4"
        account.lines("download", finished["item"]["id"], "--output", copy, "--force")
        assert filecmp.cmp(video, copy, shallow=False)
    record = account.record()
    assert list(record["states"].values()) == ["ready"] * videos
    assert not [put for put in record["puts"] if put["known"]]


async def test_ctrl_c_exits_with_130_and_the_next_start_sends_the_missing_parts(
    account: ScriptedAccount, tmp_path: Path
) -> None:
    video = random_file(tmp_path / "film.mp4", 100 * MEBIBYTE)
    account.script(stall_at=70 * MEBIBYTE)
    with account.started("upload", video) as upload:
        await account.until_stalled()
        upload.send_signal(signal.SIGINT)
        printed, remarks = upload.communicate(timeout=30)
    assert (upload.returncode, printed) == (130, "")
    assert remarks == "Interrupted. The same command again sends only what is missing.\n"
    account.script(stall_at=None)
    assert account.lines("upload", video)[0]["outcome"] == "uploaded"
    record = account.record()
    assert len(record["states"]) == 1
    assert not [put for put in record["puts"] if put["known"]]


def test_a_folder_is_sent_without_hidden_files_and_symbolic_links(account: ScriptedAccount, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for seed, name in enumerate(("b.jpg", "a/deep/c.png", ".hidden.jpg", ".cache/d.jpg", "a/.e.jpg")):
        random_file(folder / name, 100, seed)
    random_file(tmp_path / "elsewhere" / "f.jpg", 100, 9)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "link.jpg").symlink_to(tmp_path / "elsewhere" / "f.jpg")
    os.mkfifo(folder / "pipe.jpg")
    sent = account.lines("upload", folder)
    assert sorted(each["path"] for each in sent) == [str(folder / "a/deep/c.png"), str(folder / "b.jpg")]
    again = account.lines("upload", folder)
    assert {each["outcome"] for each in again} == {"duplicate"}


def test_failed_files_are_reported_and_the_rest_are_sent(account: ScriptedAccount, tmp_path: Path) -> None:
    good = random_file(tmp_path / "good.jpg", 100)
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    gone = tmp_path / "gone.jpg"
    done = account.run("upload", good, tmp_path / "empty.jpg", gone, tmp_path / "loop.jpg")
    assert done.returncode == 1
    assert done.stdout.startswith(f"{good}: uploaded (itm_")
    assert f"darkroom: {gone}: cannot be opened: No such file or directory" in done.stderr
    assert "1 uploaded, 0 already here, 3 failed:" in done.stderr
    assert f"  {tmp_path / 'empty.jpg'}: is empty (0 bytes)" in done.stderr


def test_unreadable_files_are_reported(account: ScriptedAccount, tmp_path: Path) -> None:
    secret = random_file(tmp_path / "photos" / "secret.jpg", 100)
    closed = random_file(tmp_path / "photos" / "closed" / "a.jpg", 100).parent
    secret.chmod(0)
    closed.chmod(0)
    without_privileges = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run(  # noqa: S603 - our own command
        [*without_privileges, *darkroom(["upload", tmp_path / "photos"])],
        env=account.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    closed.chmod(0o700)
    assert done.returncode == 1
    assert f"darkroom: {secret}: cannot be opened: Permission denied" in done.stderr
    assert f"darkroom: {closed}: cannot be listed: Permission denied" in done.stderr


def test_unsafe_file_names_become_safe_item_names(account: ScriptedAccount, tmp_path: Path) -> None:
    names = [b"two\nlines.jpg", b"\x1b[31mred.jpg", b"latin-\xe9.jpg", b"back\\slash.jpg", "ümläut 日本.jpg".encode()]
    for seed, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(tmp_path / "odd") + b"/" + name)).parent.mkdir(exist_ok=True)
        Path(os.fsdecode(os.fsencode(tmp_path / "odd") + b"/" + name)).write_bytes(bytes([seed]) * 10)
    done = account.run_in_new_interpreter("upload", tmp_path / "odd", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(names)
    assert "\x1b" not in done.stdout
    listed = {item["name"] for item in account.lines("list")}
    assert listed == {"two_lines.jpg", "_[31mred.jpg", "latin-\ufffd.jpg", "back_slash.jpg", "ümläut 日本.jpg"}


def test_waiting_prints_the_final_state_of_each_item(account: ScriptedAccount, tmp_path: Path) -> None:
    for seed, name in enumerate(("a.jpg", "b.jpg", "broken.jpg")):
        random_file(tmp_path / "photos" / name, 100, seed)
    account.script(fails=["broken.jpg"], cut_stream_after=2)
    done = account.run("upload", "--wait", tmp_path / "photos", "--json")
    assert done.returncode == 1
    outcomes = {Path(each["path"]).name: each["outcome"] for each in map(json.loads, done.stdout.splitlines())}
    assert outcomes == {"a.jpg": "ready", "b.jpg": "ready", "broken.jpg": "failed"}
    again = account.run("upload", "--wait", tmp_path / "photos" / "a.jpg")
    assert (again.returncode, again.stdout.split(" (")[0]) == (0, f"{tmp_path / 'photos' / 'a.jpg'}: ready")


async def test_waiting_continues_until_the_item_is_ready(account: ScriptedAccount, tmp_path: Path) -> None:
    account.script(finishes=False)
    with account.started("upload", "--wait", random_file(tmp_path / "a.jpg", 10)) as upload:
        await account.until_completed()
        assert upload.poll() is None
        account.script(finish_now=True)
        printed, _ = upload.communicate(timeout=30)
    assert ": ready (itm_" in printed


def test_a_session_that_ends_stops_the_run(account: ScriptedAccount, tmp_path: Path) -> None:
    account.script(drop_sessions=True)
    done = account.run("upload", random_file(tmp_path / "a.jpg", 10), random_file(tmp_path / "b.jpg", 10))
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "count",
    [
        pytest.param(200, marks=pytest.mark.tier("full", "more files")),
        pytest.param(2_000, marks=pytest.mark.tier("full", "more files")),
        pytest.param(10_000, marks=pytest.mark.tier("all", "long runs")),
    ],
)
def test_memory_hardly_grows_with_many_files(account: ScriptedAccount, tmp_path: Path, count: int) -> None:
    account.script(finishes=False)
    peaks = []
    for files in (50, count):
        for number in range(files):
            random_file(tmp_path / str(files) / f"{number}.jpg", 20, seed=number + files)
        peaks.append(peak_megabytes(account, tmp_path / str(files)))
    assert peaks[1] - peaks[0] < NOISE_MEGABYTES + count * KILOBYTES_PER_FILE / 1024


def peak_megabytes(account: ScriptedAccount, folder: Path) -> float:
    """Return the peak memory of the process that uploads the folder.

    Not `ru_maxrss`, which includes the memory of pytest at the time of the fork.
    """
    code = (
        "import sys; from darkroom_client.command import main; code = main();"
        "print(next(line for line in open('/proc/self/status') if 'VmHWM' in line), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code, "upload", folder],
        env=account.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1_000:]
    return int(re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)[-1]) / 1024
