"""A wrong or missing setting stops the start with one line that names the variable and never its value."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import Registration, Settings
from darkroom_process.settings import SettingsError, read_settings

GOOD = {
    "DARKROOM_DATABASE_URL": "sqlite+aiosqlite:////tmp/no/such/darkroom.db",
    "DARKROOM_REDIS_URL": "redis://127.0.0.1:6379/0",
    "DARKROOM_BUCKET": "darkroom",
    "DARKROOM_COMPLETIONS_TOPIC_ARN": "arn:aws:sns:eu-central-1:000000000000:darkroom-completions",
    "DARKROOM_CDN_URL": "http://127.0.0.1:8082",
    "DARKROOM_CDN_KEY_ID": "K1",
    "DARKROOM_CDN_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
    "DARKROOM_SECRET": "s" * 32,
    "AWS_REGION": "eu-central-1",
}
APP_REQUIRED = list(GOOD)  # in the order of the fields
WEB_REQUIRED = [
    "DARKROOM_LISTEN_PORT",
    "DARKROOM_APP_URL",
    "DARKROOM_CDN_URL",
    "DARKROOM_BUCKET",
    "AWS_REGION",
    "DARKROOM_TRUSTED_PROXIES",
]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A complete and valid environment, without the machine's own variables."""
    for name in list(os.environ):
        if name.startswith(("DARKROOM_", "AWS_")):
            monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_only_required_settings_are_needed_and_registration_is_closed_by_default(
    environment: pytest.MonkeyPatch,
) -> None:
    settings = read_settings(Settings)

    assert settings.registration is Registration.CLOSED
    assert settings.listen_host == "127.0.0.1"
    assert settings.s3_endpoint is None


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)

    with pytest.raises(SettingsError, match=f"^{name} is missing: expected .+, for example .+$"):
        read_settings(Settings)


@pytest.mark.parametrize(
    ("file", "instead_of", "content"),
    [
        ("DARKROOM_SECRET_FILE", ["DARKROOM_SECRET"], "s" * 32),
        ("DARKROOM_CDN_KEYS_FILE", ["DARKROOM_CDN_KEY_ID", "DARKROOM_CDN_PRIVATE_KEY"], ""),
    ],
)
def test_a_secret_may_be_in_a_file_instead(
    environment: pytest.MonkeyPatch, tmp_path: Path, file: str, instead_of: list[str], content: str
) -> None:
    (tmp_path / "secret").write_text(content)
    environment.setenv(file, str(tmp_path / "secret"))
    for name in instead_of:
        environment.delenv(name)

    settings = read_settings(Settings)

    assert (settings.secret_file or settings.cdn_keys_file) == tmp_path / "secret"
    assert settings.secret_source().signing == b"s" * 32


@pytest.mark.parametrize("name", ["DARKROOM_SECRET_FILE", "DARKROOM_TIER_SECRET_FILE"])
@pytest.mark.parametrize("content", [None, "", "canary\n", f"{'s' * 32}\ncanary\n"])
def test_a_file_without_strong_secrets_is_refused_in_one_line(
    environment: pytest.MonkeyPatch, tmp_path: Path, name: str, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    environment.setenv(name, str(tmp_path / "secret"))
    environment.delenv("DARKROOM_SECRET")
    if name == "DARKROOM_TIER_SECRET_FILE":
        environment.setenv("DARKROOM_SECRET", "s" * 32)

    with pytest.raises(SettingsError, match=f"^{name} is wrong: expected a file with one secret a line") as ended:
        read_settings(Settings)

    assert "canary" not in str(ended.value)
    assert "\n" not in str(ended.value)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_an_empty_setting_counts_as_missing(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "")

    with pytest.raises(SettingsError, match=f"^{name} is missing"):
        read_settings(Settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DARKROOM_DATABASE_URL", "postgresql://canary@db/x"),
        ("DARKROOM_REDIS_URL", "canary"),
        ("DARKROOM_BUCKET", "Canary_Bucket"),
        ("DARKROOM_RESOURCE_PREFIX", "canary"),
        ("DARKROOM_COMPLETIONS_TOPIC_ARN", "canary"),
        ("DARKROOM_CDN_URL", "canary.example.com"),
        ("DARKROOM_CDN_PRIVATE_KEY", "canary"),
        ("DARKROOM_SECRET", "canary"),
        ("DARKROOM_REGISTRATION", "canary"),
        ("DARKROOM_LISTEN_PORT", "canary"),
        ("DARKROOM_LISTEN_PORT", "65536"),
        ("DARKROOM_FORWARDED_HOPS", "0"),
        ("DARKROOM_S3_ENDPOINT", "canary"),
        ("DARKROOM_WORKER_ROLES", "express,canary"),
        ("DARKROOM_WORKER_ROLES", ","),
        ("AWS_REGION", "canary"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)

    with pytest.raises(SettingsError, match=f"^{name} is wrong: expected ") as ended:
        read_settings(Settings)

    assert "canary" not in str(ended.value).lower()
    assert "\n" not in str(ended.value)


def test_a_printed_settings_object_contains_no_secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DARKROOM_REDIS_URL", "redis://:canary@127.0.0.1:6379/0")

    printed = repr(read_settings(Settings))

    assert "canary" not in printed
    assert "BEGIN" not in printed
    assert GOOD["DARKROOM_SECRET"] not in printed


@pytest.mark.parametrize("command", [("app", "migrate"), ("app", "serve"), ("app", "worker"), ("web",)])
def test_a_process_prints_one_line_per_missing_variable_and_exits(command: tuple[str, ...]) -> None:
    program = [sys.executable, "-m", *command]
    ended = subprocess.run(program, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)  # noqa: S603

    assert (ended.returncode, ended.stdout) == (2, "")
    names = [line.partition(" is missing: expected ")[0] for line in ended.stderr.splitlines()]
    assert names == (WEB_REQUIRED if command == ("web",) else APP_REQUIRED)
