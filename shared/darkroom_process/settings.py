"""Read a process's settings from the environment, and describe each wrong variable in one line without its value."""

import sys
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

WRONG_SETTING = 2
"""The exit code; also argparse's code for wrong usage."""

SettingsClass = TypeVar("SettingsClass", bound=BaseSettings)


class SettingsError(Exception):
    """The text has one line per wrong variable: its name, what was expected, an example; never the value."""


def read_settings(settings_class: type[SettingsClass]) -> SettingsClass:
    """Read the settings. Raises SettingsError."""
    try:
        return settings_class()
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        lines = dict.fromkeys(_line(settings_class, fault["loc"], fault["type"], fault["msg"]) for fault in faults)
        raise SettingsError("\n".join(lines)) from None


def settings_or_exit(settings_class: type[SettingsClass]) -> SettingsClass:
    """Read the settings, or print what is wrong to stderr and exit; for the entry points of processes and commands."""
    try:
        return read_settings(settings_class)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(WRONG_SETTING) from None


def variable_of(settings_class: type[BaseSettings], field: str) -> str:
    """Return the environment variable that sets this field."""
    alias = settings_class.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{settings_class.model_config['env_prefix']}{field.upper()}"


def _line(settings_class: type[BaseSettings], location: tuple[int | str, ...], kind: str, message: str) -> str:
    """Describe one error. Its message is used only if it concerns several fields, because pydantic's messages about one
    field may contain the value.
    """
    if not location:
        return message.removeprefix("Value error, ")
    named = str(location[0])
    field = next(name for name in settings_class.model_fields if named in (name, variable_of(settings_class, name)))
    info = settings_class.model_fields[field]
    state = "missing" if kind == "missing" else "wrong"
    example = info.examples[0] if info.examples else ""
    return f"{variable_of(settings_class, field)} is {state}: expected {info.description}, for example {example}"
