"""The program's own modules, and what they define: golden files are made from all of it, not from lists."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, get_origin

import app
import shared

_ENTRY_POINTS = ("__main__", "migrations.env")
"""Run when they are imported."""


@cache
def modules() -> tuple[ModuleType, ...]:
    """All modules of the service and of what it shares with its clients."""
    names = [
        result.name
        for package in (app, shared)
        for result in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not result.name.endswith(_ENTRY_POINTS)
    ]
    return tuple(importlib.import_module(name) for name in sorted(names))


def functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    """Those that the module itself defines."""
    for _, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and function.__qualname__ == function.__name__:
            yield function


def functions_returning(kind: Any, module: ModuleType) -> Iterator[Callable[..., Any]]:
    """Those whose result is declared as `kind`, or as a generic of it."""
    for function in functions(module):
        returned = function.__annotations__.get("return")
        if returned is kind or get_origin(returned) is kind:
            yield function


def values_of(kind: type) -> Iterator[Any]:
    """Every value of the class that a module holds under a name, each once."""
    seen: set[int] = set()
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, kind) and id(value) not in seen:
                seen.add(id(value))
                yield value
