"""A worker stores files only in a folder that it owns and that is closed to other users."""

import os
import stat
from pathlib import Path

import pytest

from app.settings import ScratchDisk
from app.worker.main import main
from app.worker.scratch import MIN_FREE_BYTES, ScratchUnusable, scratch_folder
from tests.services import Stores
from tests.small_disk import small_disk

ACCOUNT = 65_534


def error(root: Path) -> str:
    with pytest.raises(ScratchUnusable) as caught, scratch_folder(root):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_folder_is_private_and_empty_afterwards(tmp_path: Path) -> None:
    root = tmp_path / "scratch"
    with scratch_folder(root, ScratchDisk.RELAXED) as own:
        (own / "original").write_bytes(b"x")
        assert own == root / str(os.getpid())
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in (root, own)] == [0o700, 0o700]
    assert [*root.iterdir()] == []


def test_files_of_a_killed_worker_are_deleted(tmp_path: Path) -> None:
    left = tmp_path / "scratch" / "4194305"  # above the kernel's highest process id
    left.mkdir(parents=True)
    left.parent.chmod(0o700)
    (left / "original").write_bytes(b"x")
    with scratch_folder(left.parent, ScratchDisk.RELAXED):
        assert not left.exists()


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "scratch").symlink_to(tmp_path / "elsewhere")
    assert "is a symbolic link" in error(tmp_path / "scratch")


def test_a_folder_open_to_other_users_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch").chmod(0o750)
    assert "is open to others (mode 750)" in error(tmp_path / "scratch")


def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir(mode=0o700)
    os.chown(tmp_path / "scratch", ACCOUNT, ACCOUNT)
    assert f"belongs to another user ({ACCOUNT})" in error(tmp_path / "scratch")


def test_a_symbolic_link_as_the_process_folder_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "scratch"
    root.mkdir(mode=0o700)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (root / str(os.getpid())).symlink_to(tmp_path / "elsewhere")
    assert "is a symbolic link" in error(root)


def test_a_folder_in_memory_is_refused_unless_it_is_accepted(tmp_path: Path) -> None:
    with small_disk(tmp_path / "memory", 2 * MIN_FREE_BYTES) as memory:
        assert "is in memory (tmpfs): set DARKROOM_SCRATCH_FOLDER" in error(memory)
        with scratch_folder(memory, ScratchDisk.RELAXED) as own:
            assert own.is_dir()


def test_a_nearly_full_disk_is_refused(tmp_path: Path) -> None:
    with small_disk(tmp_path / "memory", MIN_FREE_BYTES - 4096) as memory:
        assert f"{MIN_FREE_BYTES - 4096} bytes free: {MIN_FREE_BYTES} are needed" in error(memory)


def test_a_worker_without_a_scratch_folder_does_not_start(stores: Stores) -> None:
    with pytest.raises(SystemExit, match="A worker needs DARKROOM_SCRATCH_FOLDER"):
        main(stores.settings(scratch_folder=None))


def test_a_file_as_the_scratch_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scratch").write_bytes(b"")
    assert "cannot be used" in error(tmp_path / "scratch")
