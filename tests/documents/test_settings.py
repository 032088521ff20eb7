"""Every setting of every process is described in docs/SETTINGS.md."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "SETTINGS.md").read_text()
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for tier in ("app", "local", "web")
    for path in (ROOT / tier).rglob("settings.py")
)


def variables(module: str) -> Iterator[str]:
    """Return the environment variables of the settings classes that a module defines."""
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, type) and issubclass(value, BaseSettings) and value.__module__ == module:
            for name, field in value.model_fields.items():
                alias = field.validation_alias
                yield alias if isinstance(alias, str) else f"{value.model_config['env_prefix']}{name.upper()}"


@pytest.mark.parametrize("module", MODULES)
def test_every_setting_is_documented(module: str) -> None:
    results = list(variables(module))
    assert results, "a settings module has settings"
    assert not [variable for variable in results if f"`{variable}`" not in DOCUMENT]
