"""How dataclasses are stored: attribute names, moments, closed sets, and rows of other releases."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from app.stores.attributes import from_attributes, to_attributes
from app.stores.dynamo_values import decode, encode


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    width: int | None
    colours: tuple[Colour, ...] = ()


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    inner: Inner | None = None
    at: datetime | None = None
    parts: tuple[Inner, ...] = ()


MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
FULL = Outer("a", Inner(None, (Colour.RED,)), MOMENT, (Inner(1), Inner(2)))


def test_every_field_is_an_attribute_at_every_depth() -> None:
    assert to_attributes(FULL) == {
        "name": "a",
        "inner": {"width": None, "colours": ["red"]},
        "at": "2026-01-02T03:04:05.678Z",
        "parts": [{"width": 1, "colours": []}, {"width": 2, "colours": []}],
    }


def test_a_stored_value_is_read_back_unchanged() -> None:
    assert from_attributes(Outer, decode(encode(to_attributes(FULL)))) == FULL


def test_absent_attributes_get_defaults_and_those_of_newer_releases_are_ignored() -> None:
    assert from_attributes(Outer, {"name": "a", "later": 1, "parts": [{"width": 1, "later": 2}]}) == Outer(
        "a", parts=(Inner(1),)
    )


def test_a_row_without_a_required_attribute_is_an_error() -> None:
    with pytest.raises(TypeError):
        from_attributes(Outer, {"at": "2026-01-02T03:04:05.678Z"})


def test_an_unknown_member_of_a_closed_set_is_an_error() -> None:
    with pytest.raises(ValueError, match="blue"):
        from_attributes(Inner, {"width": 1, "colours": ["blue"]})
