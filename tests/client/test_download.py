"""Downloads are verified, never overwrite another file, and are complete after interruptions."""

from pathlib import Path

import pytest

from darkroom_client.client import DarkroomClient
from darkroom_client.errors import DamagedCopy, UnusableFile
from darkroom_shared.items import Item
from darkroom_shared.uploads import MEBIBYTE
from tests.client.conftest import ScriptedAccount, random_file

SIZES = [1_000, 40 * MEBIBYTE]
"""Sizes with one example for each form of digest."""


@pytest.mark.parametrize("size_bytes", SIZES)
async def test_a_downloaded_original_equals_the_uploaded_file(
    client: DarkroomClient, tmp_path: Path, size_bytes: int
) -> None:
    item, content = await _stored(client, tmp_path, size_bytes)
    await client.download_original(item, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content


async def test_an_interrupted_download_fetches_only_the_rest(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    item, content = await _stored(client, tmp_path, 40 * MEBIBYTE)
    other_account.script(cut_gets=[MEBIBYTE, 0, 20 * MEBIBYTE])
    seen: list[int] = []
    await client.download_original(item, tmp_path / "copy", on_bytes=seen.append)
    assert (tmp_path / "copy").read_bytes() == content
    assert seen == sorted(seen)


@pytest.mark.parametrize("size_bytes", SIZES)
async def test_damaged_bytes_are_refused_and_leave_nothing_behind(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path, size_bytes: int
) -> None:
    item, _ = await _stored(client, tmp_path, size_bytes)
    other_account.script(damage_downloads=True)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DamagedCopy):
        await client.download_original(item, tmp_path / "folder" / "copy")
    assert list((tmp_path / "folder").iterdir()) == []


async def test_an_existing_file_is_replaced_only_with_force(client: DarkroomClient, tmp_path: Path) -> None:
    item, content = await _stored(client, tmp_path, 1_000)
    copy = tmp_path / "copy"
    copy.write_text("mine")
    with pytest.raises(UnusableFile, match="exists already"):
        await client.download_original(item, copy)
    assert copy.read_text() == "mine"
    await client.download_original(item, copy, force=True)
    assert copy.read_bytes() == content


def test_the_command_saves_under_the_items_name(account: ScriptedAccount, tmp_path: Path) -> None:
    photo = random_file(tmp_path / "photos" / "a.jpg", 1_000)
    (uploaded,) = account.lines("upload", photo)
    item = uploaded["item"]["id"]
    folder = tmp_path / "copies"
    folder.mkdir()
    done = account.run("download", item, "--output", folder)
    assert (done.returncode, done.stdout) == (0, f"{folder / 'a.jpg'}: 1.0 KB, digest verified\n")
    assert (folder / "a.jpg").read_bytes() == photo.read_bytes()
    again = account.run("download", item, "--output", folder)
    expected = f"darkroom: {item}: {folder / 'a.jpg'} exists already; --force replaces it\n"
    assert (again.returncode, again.stderr) == (1, expected)
    assert account.run("download", item, "--output", folder, "--force").returncode == 0
    absent = account.run("download", item, "--rendition", "small")
    assert absent.stderr == f"darkroom: {item}: has no rendition 'small'; it has none yet, it is ready\n"
    nowhere = account.run("download", item, "--output", tmp_path / "no" / "folder")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (1, 1)


async def _stored(client: DarkroomClient, tmp_path: Path, size_bytes: int) -> tuple[Item, bytes]:
    file = random_file(tmp_path / "original", size_bytes)
    uploaded = await client.upload(file)
    return uploaded.item, file.read_bytes()
