"""Every process and command describes wrong settings with the same lines, which never contain a value."""

import os
import traceback
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

import app.settings
import local.edge.settings
import local.objects.settings
import local.settings
import local.tables.settings
import web.settings
from darkroom_process.settings import SettingsError, read_settings, settings_or_exit, variable_of

CLASSES: list[type[BaseSettings]] = [
    app.settings.Settings,
    local.edge.settings.Settings,
    local.objects.settings.Settings,
    local.settings.Settings,
    local.tables.settings.Settings,
    web.settings.Settings,
]
FIELDS = [(settings, field) for settings in CLASSES for field in settings.model_fields]
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("DARKROOM_", "AWS_")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("settings", CLASSES)
def test_an_error_never_contains_the_value(monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings]) -> None:
    for field in settings.model_fields:
        monkeypatch.setenv(variable_of(settings, field), "canary {")
    with pytest.raises(SettingsError) as error:
        read_settings(settings)
    assert "canary" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(("settings", "field"), FIELDS)
def test_every_field_has_a_description_and_an_example(settings: type[BaseSettings], field: str) -> None:
    info = settings.model_fields[field]
    assert info.description
    assert info.examples


def test_an_error_about_several_fields_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_CDN_URL", "https://cdn.example.org")
    monkeypatch.setenv("DARKROOM_PORT", "8080")
    with pytest.raises(SettingsError, match=r"^DARKROOM_CDN_URL needs DARKROOM_CDN_KEY_ID and [^\n]*$"):
        read_settings(local.settings.Settings)


def test_an_entry_point_prints_the_lines_and_exits_like_argparse(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        settings_or_exit(local.tables.settings.Settings)
    assert ended.value.code == 2
    assert [line.split(" is missing: ")[0] for line in capsys.readouterr().err.splitlines()] == [
        "DARKROOM_TABLES_FILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ]


def test_only_one_module_describes_wrong_settings() -> None:
    """A further description would drift, or print a value."""
    sources = [path for folder in ("app", "local", "shared", "web") for path in (ROOT / folder).rglob("*.py")]
    printers = [
        path.name for path in sources if ".model_fields" in path.read_text() and "expected {" in path.read_text()
    ]
    assert printers == ["settings.py"]
