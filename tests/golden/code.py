"""Walk the program's own modules and their definitions, so that golden files cover all of the code."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, get_origin

import app
import darkroom_process
import darkroom_shared

_ENTRY_POINTS = ("__main__", "migrations.env")
"""These modules run when they are imported."""


@cache
def modules() -> tuple[ModuleType, ...]:
    """Return all modules of the service, and of the packages that it shares with its clients."""
    names = [
        result.name
        for package in (app, darkroom_process, darkroom_shared)
        for result in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not result.name.endswith(_ENTRY_POINTS)
    ]
    return tuple(importlib.import_module(name) for name in sorted(names))


def functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    """Yield the functions that the module itself defines."""
    for _, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and function.__qualname__ == function.__name__:
            yield function


def functions_returning(kind: Any, module: ModuleType) -> Iterator[Callable[..., Any]]:
    """Yield the functions whose declared return type is `kind` or a generic of it."""
    for function in functions(module):
        returned = function.__annotations__.get("return")
        if returned is kind or get_origin(returned) is kind:
            yield function


def values_of(kind: type) -> Iterator[Any]:
    """Yield each module-level value of the class once."""
    seen: set[int] = set()
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, kind) and id(value) not in seen:
                seen.add(id(value))
                yield value
