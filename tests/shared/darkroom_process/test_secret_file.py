"""A secret in a file is replaced without a restart, and what the previous one signed stays valid while it is kept."""

from pathlib import Path

import pytest
import structlog

from darkroom_process import secret_file
from darkroom_process.secret_file import Secret, SecretFile

OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(secret_file, "CHECK_SECONDS", 0.0)
    file = tmp_path / "secret"
    file.write_bytes(OLD + b"\n")
    return file


def test_after_a_rotation_old_signatures_are_valid_while_the_file_has_their_secret(file: Path) -> None:
    secret = SecretFile(file)
    signed_before = secret.sign(b"message")
    assert signed_before == Secret(OLD).sign(b"message")

    file.write_bytes(NEW + b"\n" + OLD + b"\n")
    assert secret.sign(b"message") == Secret(NEW).sign(b"message")
    assert secret.verifies(signed_before, b"message")
    assert secret.matches(OLD)
    assert secret.signing == NEW

    file.write_bytes(NEW + b"\n")
    assert not secret.verifies(signed_before, b"message")
    assert not secret.matches(OLD)


def test_a_file_that_is_replaced_by_another_is_read_again(file: Path) -> None:
    secret = SecretFile(file)
    other = file.with_name("other")
    other.write_bytes(NEW)
    other.replace(file)
    assert secret.signing == NEW


@pytest.mark.parametrize("damage", [b"", b"short"])
def test_a_damaged_file_is_logged_without_its_content_and_the_secret_stays(file: Path, damage: bytes) -> None:
    secret = SecretFile(file)
    file.write_bytes(damage)
    with structlog.testing.capture_logs() as entries:
        assert secret.signing == OLD
    assert [entry["event"] for entry in entries] == ["secret.unreadable"]
    assert "short" not in str(entries)


def test_an_absent_file_is_logged_and_the_secret_stays(file: Path) -> None:
    secret = SecretFile(file)
    file.unlink()
    with structlog.testing.capture_logs() as entries:
        assert secret.signing == OLD
    assert [entry["event"] for entry in entries] == ["secret.unreadable"]


def test_a_file_is_checked_at_intervals(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_file, "CHECK_SECONDS", 60.0)
    secret = SecretFile(file)
    file.write_bytes(NEW)
    assert secret.signing == OLD
