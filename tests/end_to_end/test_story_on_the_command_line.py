"""The same story with the `darkroom` command, as a user types it, against every process of `darkroom up`."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from darkroom_client.client import DarkroomClient
from darkroom_shared.ids import new_ulid
from darkroom_shared.items import CreateItem
from tests.browser.photos import MEBIBYTE, photos, text_file
from tests.client.forked_command import ForkedCommand, start_fork_server
from tests.installation import COMMAND, Installation
from tests.media.hostile.containers import heic
from tests.media.hostile.disguises import playlists
from tests.media.hostile.images import pngs
from tests.media.hostile.trap import Trap

PASSWORD = "a long enough password"
COMMAND_SECONDS = 180
DEFAULT_SIGNALS = ("/usr/bin/env", "--default-signal=INT")
"""Restores Ctrl-C in the started command: processes started from a background shell job ignore SIGINT."""
PART_BYTES = 16 * MEBIBYTE
A_MOMENT_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Terminal:
    """A user's shell: its own home folder, and the server in `DARKROOM_URL`."""

    url: str
    home: Path
    email: str

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DARKROOM_", "XDG_"))}
        return inherited | {"HOME": str(self.home), "DARKROOM_URL": self.url}

    def type(self, *words: str | Path, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, in a process forked from one that has imported it."""
        arguments = list(map(str, words))
        with ForkedCommand(arguments, self.environment() | more) as command:
            printed, remarks = command.communicate(timeout=COMMAND_SECONDS)
            assert command.returncode is not None
            return subprocess.CompletedProcess(arguments, command.returncode, printed, remarks)

    def lines(self, *words: str | Path) -> list[dict[str, Any]]:
        """Return the objects that a successful command prints with `--json`."""
        done = self.type(*words, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    @contextmanager
    def started(self, *words: str | Path) -> "Iterator[subprocess.Popen[str]]":
        """Run the installed command in the background; kill it at the end of the block if it still runs."""
        with subprocess.Popen(  # noqa: S603 - our own command
            [*DEFAULT_SIGNALS, COMMAND, *map(str, words)],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture(scope="session", autouse=True)
def _fork_server() -> None:
    """The process from which commands are forked."""
    start_fork_server()


@pytest.fixture
def terminal(darkroom: Installation, tmp_path: Path) -> Terminal:
    """The terminal of a newly registered user."""
    home = tmp_path / "home"
    home.mkdir()
    terminal = Terminal(darkroom.url, home, f"{new_ulid().lower()}@example.com")
    done = terminal.type("register", DARKROOM_EMAIL=terminal.email, DARKROOM_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    return terminal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photos, one of them in a subfolder, and a hidden file that must not be sent."""
    folder = tmp_path / "holiday"
    (folder / "evening").mkdir(parents=True)
    first, *_ = photos(folder, 3)
    first.rename(folder / "evening" / first.name)
    text_file(folder / ".notes.jpg")
    return folder


def test_a_folder_is_uploaded_processed_listed_and_downloaded(terminal: Terminal, folder: Path) -> None:
    sent = terminal.lines("upload", "--wait", folder)
    assert {each["item"]["state"] for each in sent} == {"ready"}
    originals = {Path(each["path"]).name: Path(each["path"]) for each in sent}
    assert len(originals) == 3
    listed = terminal.lines("list")
    assert {each["name"] for each in listed} == set(originals)

    item = listed[0]
    assert terminal.lines("status", item["id"])[0]["digest"] == item["digest"]
    steps = [step["step"] for step in terminal.lines("receipt", item["id"])]
    assert (steps[0], steps[-1]) == ("created", "ready")

    copy = terminal.home / "copy.jpg"
    assert terminal.type("download", item["id"], "--output", copy).returncode == 0
    assert f"sha256:{hashlib.sha256(copy.read_bytes()).hexdigest()}" == item["digest"]
    assert copy.read_bytes() == originals[item["name"]].read_bytes()

    results = terminal.lines("search", "--kind", "image", Path(item["name"]).stem)
    while item["id"] not in {
        each["id"] for each in results
    }:  # the search index follows a moment later; the test has a time limit
        results = terminal.lines("search", "--kind", "image", Path(item["name"]).stem)
    assert results[0]["name"] == item["name"]

    again = terminal.lines("upload", folder)
    assert {each["outcome"] for each in again} == {"duplicate"}
    assert len(terminal.lines("list")) == 3


async def test_an_upload_stopped_with_ctrl_c_resumes_with_the_missing_parts(
    terminal: Terminal, darkroom: Installation, tmp_path: Path
) -> None:
    video = tmp_path / "film.mp4"
    with video.open("wb") as file:
        file.truncate(20 * PART_BYTES)
    objects, earlier = darkroom.pid("-m local.objects"), stored_parts(darkroom.folder)
    os.kill(objects, signal.SIGSTOP)
    try:
        with terminal.started("upload", video) as upload:
            while not (before := stored_parts(darkroom.folder) - earlier):
                assert upload.poll() is None, "the upload ended before it could be interrupted"
                await run_briefly(objects)
            upload.send_signal(signal.SIGINT)
            _, remarks = await asyncio.to_thread(upload.communicate, timeout=COMMAND_SECONDS)
    finally:
        os.kill(objects, signal.SIGCONT)
    assert (upload.returncode, remarks) == (130, "Interrupted. The same command again sends only what is missing.\n")

    assert 1 <= len(before) < 20
    [finished] = await asyncio.to_thread(terminal.lines, "upload", video)
    assert finished["outcome"] == "uploaded"
    assert before <= stored_parts(darkroom.folder)
    assert len(await asyncio.to_thread(terminal.lines, "list")) == 1


def test_an_export_contains_everything_in_one_file(terminal: Terminal, folder: Path) -> None:
    sent = {Path(each["path"]): each["item"]["id"] for each in terminal.lines("upload", "--wait", folder)}
    target = terminal.home / "everything.zip"
    (line,) = terminal.lines("export", "--wait", target)
    assert (line["state"], line["item_count"], line["size_bytes"]) == ("ready", 3, target.stat().st_size)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist() if name != "items.json"}
        listed = json.loads(archive.read("items.json"))
    assert files == {f"originals/{path.name}": path.read_bytes() for path in sent}
    assert {each["item"]["id"]: each["file"] for each in listed} == {
        item: f"originals/{path.name}" for path, item in sent.items()
    }
    assert terminal.type("export", "--wait", target).returncode == 1, "only --force replaces a file"
    assert terminal.type("export", line["id"], "--wait", target, "--force").returncode == 0
    assert [event["type"] for event in terminal.lines("events")].count("export.ready") == 1


async def run_briefly(objects: int) -> None:
    """Let the object store run only long enough for it to receive a part or two."""
    os.kill(objects, signal.SIGCONT)
    await asyncio.sleep(A_MOMENT_SECONDS)
    os.kill(objects, signal.SIGSTOP)


def stored_parts(data: Path) -> set[tuple[int, int]]:
    """Return inode and time of each file of a part's size in the object store. A part sent again is a new file."""
    results = set()
    for folder, _, names in os.walk(data / "objects" / "files"):
        for name in names:
            status = (Path(folder) / name).stat()
            if status.st_size == PART_BYTES:
                results.add((status.st_ino, status.st_mtime_ns))
    return results


def test_a_broken_file_is_a_partial_failure_that_can_be_retried_and_deleted(terminal: Terminal, folder: Path) -> None:
    broken = text_file(folder / "diary.jpg")
    done = terminal.type("upload", "--wait", folder)
    assert done.returncode == 1
    assert "This file is not a picture or video that Darkroom can read." in done.stdout + done.stderr
    [failed] = [each for each in terminal.lines("list") if each["state"] == "failed"]
    assert failed["name"] == broken.name
    [retried] = terminal.lines("retry", failed["id"])
    assert retried["state"] in {"queued", "processing", "failed"}
    assert terminal.type("delete", failed["id"]).returncode == 0
    assert len(terminal.lines("list")) == 3


def test_broken_or_malicious_files_do_not_affect_other_files(terminal: Terminal, folder: Path) -> None:
    """A phone's HEIC, a truncated download, a decompression bomb, and a playlist with the name of a video."""
    photo = next(folder.glob("*.jpg")).read_bytes()
    trap = Trap("http://127.0.0.1:9/called", Path("/etc/hostname"))
    strange = {
        "IMG_0001.HEIC": heic(),
        "download.jpg": photo[: len(photo) // 2],
        "bomb.png": pngs()["png_bomb"],
        "film.mp4": next(iter(playlists(trap).values())),
    }
    for name, content in strange.items():
        (folder / name).write_bytes(content)
    assert terminal.type("upload", "--wait", folder).returncode == 1
    ended = {each["name"]: each for each in terminal.lines("list")}
    assert {name for name, each in ended.items() if each["state"] == "ready"} == ended.keys() - {*strange} | {
        "IMG_0001.HEIC"
    }
    codes = {name: ended[name]["failure"]["code"] for name in ("download.jpg", "bomb.png", "film.mp4")}
    assert codes == {"download.jpg": "damaged", "bomb.png": "too_large", "film.mp4": "unsupported"}


async def test_an_unfinished_upload_can_be_cancelled(terminal: Terminal) -> None:
    async with DarkroomClient(terminal.url) as client:
        await client.sessions.sign_in(terminal.email, PASSWORD)
        body = CreateItem(name="begun.mp4", size_bytes=2 * PART_BYTES, content_type="video/mp4")
        begun = await client.items.create(body)
    [cancelled] = await asyncio.to_thread(terminal.lines, "cancel", begun.item.id)
    assert cancelled["state"] == "cancelled"


def test_deleted_items_can_be_restored_and_an_erased_account_leaves_nothing(
    terminal: Terminal, folder: Path, darkroom: Installation
) -> None:
    sent = [each["item"]["id"] for each in terminal.lines("upload", "--wait", folder)]
    terminal.lines("delete", *sent)
    assert {each["id"] for each in terminal.lines("list", "--deleted")} == set(sent)
    assert [each["state"] for each in terminal.lines("restore", *sent)] == ["ready"] * 3
    terminal.lines("delete", "--permanently", sent[0])
    sign_in = {"DARKROOM_EMAIL": terminal.email, "DARKROOM_PASSWORD": PASSWORD}
    account = json.loads(terminal.type("login", "--json", **sign_in).stdout)["account"]["id"]
    operator = {"DARKROOM_DATA": str(darkroom.folder)}
    before = terminal.type("verify", "--account", account, **operator)
    assert (before.returncode, before.stdout.splitlines()[-1]) == (1, f"{account}: not closed; something is left")

    assert terminal.type("account", "erase", "--yes", **sign_in).returncode == 0

    assert terminal.type("list").returncode == 4
    assert terminal.type("login", **sign_in).returncode == 4
    tombstone = f"left: {account}: 1 rows of events"
    while (lines := terminal.type("verify", "--account", account, **operator).stdout.splitlines())[0] != tombstone:
        assert lines[-1].startswith(f"{account}: closed at "), lines
    assert len(lines) == 2, "only the tombstone is left while an upload may be in progress"


def test_events_are_streamed_while_they_happen(terminal: Terminal, folder: Path) -> None:
    with terminal.started("events", "--follow", "--after", "0", "--json") as projection:
        assert projection.stdout is not None
        terminal.lines("upload", "--wait", folder)
        seen: list[dict[str, Any]] = []
        while sum(event["type"] == "item.ready" for event in seen) < 3:
            seen.append(json.loads(projection.stdout.readline()))
        projection.send_signal(signal.SIGINT)
        projection.communicate(timeout=COMMAND_SECONDS)
    assert [event["number"] for event in seen] == list(range(1, len(seen) + 1))
    assert projection.returncode == 130


def test_exit_codes_distinguish_outcomes_for_scripts(terminal: Terminal) -> None:
    assert terminal.type("list").returncode == 0
    assert terminal.type("status", "itm_01ARZ3NDEKTSV4RRFFQ69G5FAV").returncode == 1
    assert terminal.type("upload").returncode == 2
    sign_in = {"DARKROOM_EMAIL": terminal.email, "DARKROOM_PASSWORD": PASSWORD}
    assert terminal.type("list", **sign_in, DARKROOM_URL="http://127.0.0.1:9").returncode == 3
    assert terminal.type("logout").returncode == 0
    assert terminal.type("list").returncode == 4
    assert terminal.type("list", **sign_in).returncode == 0
    assert terminal.type("login", **sign_in).returncode == 0
    assert terminal.type("list").returncode == 0
