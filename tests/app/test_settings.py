"""A wrong or missing setting stops the start with one line that names the variable and never its value."""

import os
import subprocess
import sys

import pytest

from app.settings import Registration, load_settings

GOOD = {
    "DARKROOM_DATABASE_URL": "sqlite+aiosqlite:////tmp/no/such/darkroom.db",
    "DARKROOM_REDIS_URL": "redis://127.0.0.1:6379/0",
    "DARKROOM_BUCKET": "darkroom",
    "DARKROOM_CDN_URL": "http://127.0.0.1:8082",
    "DARKROOM_CDN_KEY_ID": "K1",
    "DARKROOM_CDN_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
    "DARKROOM_SECRET": "s" * 32,
    "AWS_REGION": "eu-central-1",
}


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
    settings = load_settings()

    assert settings.registration is Registration.CLOSED
    assert settings.listen_host == "127.0.0.1"
    assert settings.s3_endpoint is None


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)

    with pytest.raises(SystemExit, match=f"^{name} is missing: expected .+, for example .+$"):
        load_settings()


@pytest.mark.parametrize("name", sorted(GOOD))
def test_an_empty_setting_counts_as_missing(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "")

    with pytest.raises(SystemExit, match=f"^{name} is missing"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DARKROOM_DATABASE_URL", "postgresql://canary@db/x"),
        ("DARKROOM_REDIS_URL", "canary"),
        ("DARKROOM_BUCKET", "Canary_Bucket"),
        ("DARKROOM_CDN_URL", "canary.example.com"),
        ("DARKROOM_CDN_PRIVATE_KEY", "canary"),
        ("DARKROOM_SECRET", "canary"),
        ("DARKROOM_REGISTRATION", "canary"),
        ("DARKROOM_LISTEN_PORT", "canary"),
        ("DARKROOM_LISTEN_PORT", "65536"),
        ("DARKROOM_FORWARDED_HOPS", "0"),
        ("DARKROOM_S3_ENDPOINT", "canary"),
        ("AWS_REGION", "canary"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)

    with pytest.raises(SystemExit, match=f"^{name} is wrong: expected ") as ended:
        load_settings()

    assert "canary" not in str(ended.value).lower()
    assert "\n" not in str(ended.value)


def test_a_printed_settings_object_contains_no_secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_SECRET_ACCESS_KEY", "canary")

    printed = repr(load_settings())

    assert "canary" not in printed
    assert "BEGIN" not in printed
    assert GOOD["DARKROOM_SECRET"] not in printed


def test_the_process_prints_only_that_line_and_exits() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "app", "migrate"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("DARKROOM_DATABASE_URL is missing: ")
    assert len(ended.stderr.splitlines()) == 1
