"""A start that fails prints one clear line that names the setting to change."""

import fcntl
import os
import socket
from pathlib import Path

import pytest

from local.startup_error import ExitCode
from tests.local.up.darkroom import refused, three_free_ports


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@pytest.mark.parametrize("offset", [0, 2])
async def test_the_error_names_a_port_in_use(tmp_path: Path, offset: int) -> None:
    port = three_free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + offset))
        other.listen()
        code, words = await refused(tmp_path, port)
    assert code == ExitCode.CANNOT_START
    assert words.startswith(f"Port {port + offset} is taken by another program")
    assert "DARKROOM_PORT" in words
    assert words.count("\n") == 1


async def test_the_error_for_a_folder_in_use_names_the_process(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("1\n")
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        code, words = await refused(tmp_path, three_free_ports())
    assert code == ExitCode.CANNOT_START
    assert f"is in use by process {os.getpid()}" in words
    assert words.count("\n") == 1


async def test_a_folder_of_a_newer_version_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("2\n")
    code, words = await refused(tmp_path, three_free_ports())
    assert code == ExitCode.CANNOT_START
    assert "is of a newer Darkroom (its version is 2, this one knows 1)" in words
    assert names_in(tmp_path) == {"version", "lock"}


async def test_a_folder_with_other_files_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all my work")
    code, words = await refused(tmp_path, three_free_ports())
    assert code == ExitCode.CANNOT_START
    assert "holds something else" in words
    assert names_in(tmp_path) == {"thesis.txt"}


async def test_a_full_disk_is_reported_with_its_free_space(tmp_path: Path) -> None:
    code, words = await refused(tmp_path, three_free_ports(), DARKROOM_FREE_BYTES=str(2**60))
    assert code == ExitCode.CANNOT_START
    assert "is full" in words
    assert "MiB are free" in words
    assert words.count("\n") == 1


async def test_the_error_names_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, words = await refused(tmp_path / "file" / "data", three_free_ports())
    assert code == ExitCode.CANNOT_START
    assert words == (
        f"The data folder {tmp_path / 'file' / 'data'} cannot be used: Not a directory. "
        "Choose another with DARKROOM_DATA.\n"
    )


async def test_damaged_keys_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("1\n")
    (tmp_path / "keys.json").write_text("{")
    code, words = await refused(tmp_path, three_free_ports())
    assert code == ExitCode.CANNOT_START
    assert "keys.json is damaged" in words
    assert (tmp_path / "keys.json").read_text() == "{"


async def test_a_missing_emulator_is_reported_with_its_command(tmp_path: Path) -> None:
    code, words = await refused(tmp_path, three_free_ports(), DARKROOM_EMULATOR_PYTHON="/nowhere/python")
    assert code == ExitCode.CANNOT_START
    assert "/nowhere/python" in words
    assert "`make run` installs it" in words


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("DARKROOM_PORT", "eighty", "DARKROOM_PORT is wrong: expected a number from 1 to 65533, for example 8080"),
        ("DARKROOM_PORT", "65535", "DARKROOM_PORT is wrong"),
        ("DARKROOM_TLS", "yes", "DARKROOM_TLS is wrong: expected off or self, for example self"),
        ("DARKROOM_HOST", "0.0.0.0", "DARKROOM_HOST is wrong"),  # noqa: S104 - must be refused
        ("DARKROOM_HOST", "http://photos", "DARKROOM_HOST is wrong"),
        ("DARKROOM_HOST", "203.0.113.7", "203.0.113.7 is not an address of this machine"),
        ("DARKROOM_S3_ENDPOINT", "minio", "DARKROOM_S3_ENDPOINT is wrong: expected a URL"),
        ("DARKROOM_S3_ENDPOINT", "http://127.0.0.1:9000", "needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("DARKROOM_CDN_URL", "https://cdn.example.org", "needs DARKROOM_CDN_KEY_ID and DARKROOM_CDN_PRIVATE_KEY"),
    ],
)
async def test_the_error_names_a_wrong_setting_with_an_example(
    tmp_path: Path, variable: str, value: str, expected: str
) -> None:
    code, words = await refused(tmp_path, three_free_ports(), **{variable: value})
    assert code == ExitCode.WRONG_SETTING
    assert expected in words
    assert words.count("\n") == 1
