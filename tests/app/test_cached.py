"""Cacheable values: each registry entry has one type, and no type is mutable."""

import dataclasses
import sys
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import pytest

import app.main
from app.cached import REGISTRY
from app.stores.cache.keys import AnyKind, Entry, Kind

UNCHANGING = (str, int, float, bool, bytes, NoneType, date, datetime, Enum)


def kinds_of_this_release() -> list[AnyKind]:
    """Return every kind that a module declares. Importing the app's entry point imports all of these modules."""
    assert app.main
    modules = [module for name, module in sys.modules.items() if name.startswith("app.")]
    results = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Kind)}
    return list(results.values())


def changeable_part(shape: Any) -> Any:
    """Return the first type in `shape` whose values are mutable, or None."""
    if get_origin(shape) is Literal:
        return None
    if isinstance(shape, NewType):
        return changeable_part(shape.__supertype__)
    if get_origin(shape) in (Union, UnionType, tuple, frozenset):
        parts = [part for part in get_args(shape) if part is not Ellipsis]
    elif dataclasses.is_dataclass(shape) and vars(shape)["__dataclass_params__"].frozen:
        parts = list(get_type_hints(shape).values())
    elif isinstance(shape, type) and issubclass(shape, UNCHANGING):
        return None
    else:
        return shape
    return next((result for result in map(changeable_part, parts) if result is not None), None)


@dataclasses.dataclass(frozen=True)
class _WithList:
    names: tuple[list[str], ...]


@dataclasses.dataclass
class _Open:
    name: str


def test_every_entry_has_one_shape() -> None:
    names = sorted(kind.entry.name for kind in kinds_of_this_release())
    assert names == sorted(entry.name for entry in REGISTRY)


@pytest.mark.parametrize("entry", REGISTRY, ids=lambda entry: entry.name)
def test_callers_cannot_change_the_value_that_they_share(entry: Entry) -> None:
    (kind,) = (kind for kind in kinds_of_this_release() if kind.entry is entry)
    assert changeable_part(kind.shape._type) is None


@pytest.mark.parametrize("shape", [_WithList, _Open | None, tuple[dict[str, int], ...], set[str]], ids=str)
def test_a_mutable_type_is_detected(shape: Any) -> None:
    assert changeable_part(shape) is not None
