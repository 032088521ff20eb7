"""Attribute values: numbers of 38 digits in one canonical form, and refused values."""

from typing import Any

import pytest

from tests.local.tables.place import Place, a_place, key, refused

SPELLINGS = [
    ("1.0", "1"),
    ("007", "7"),
    ("-0", "0"),
    ("0.50", "0.5"),
    ("1e3", "1000"),
    ("+5", "5"),
    ("12E-1", "1.2"),
    ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    ("-0.0000000001", "-0.0000000001"),
]


@pytest.mark.parametrize(("value", "stored"), SPELLINGS)
def test_a_number_has_one_canonical_form(place: Place, value: str, stored: str) -> None:
    _put(place, {"N": value})
    assert _get(place) == {"N": stored}


@pytest.mark.parametrize("text", ["abc", "", "1x", "NaN", "Infinity", "0x10", "1_000", "--1", "1e"])
def test_a_malformed_number_is_refused(place: Place, text: str) -> None:
    with refused("ValidationException", "cannot be converted to a numeric value"):
        _put(place, {"N": text})


def test_a_number_of_39_digits_is_refused(place: Place) -> None:
    with refused("ValidationException", "more than 38 significant digits"):
        _put(place, {"N": "1" * 39})


@pytest.mark.parametrize(("text", "word"), [("1e126", "overflow"), ("-1e126", "overflow"), ("1e-131", "underflow")])
def test_numbers_out_of_range_are_refused(place: Place, text: str, word: str) -> None:
    with refused("ValidationException", word):
        _put(place, {"N": text})


def test_the_largest_and_smallest_numbers_round_trip(place: Place) -> None:
    _put(place, {"L": [{"N": "9.9999999999999999999999999999999999999E+125"}, {"N": "1E-130"}]})
    largest, smallest = _get(place)["L"]
    assert float(largest["N"]) == pytest.approx(1e126)
    assert float(smallest["N"]) == pytest.approx(1e-130)


@pytest.mark.parametrize("value", [{"B": b"a"}, {"SS": ["a"]}, {"NS": ["1"]}, {"BS": [b"a"]}])
def test_a_type_that_darkroom_never_stores_is_refused(ours: Any, value: dict[str, Any]) -> None:
    with refused("ValidationException", "supported datatypes"):
        _put(a_place(ours), value)


def test_null_must_be_true(place: Place) -> None:
    with refused("ValidationException", "Null attribute value types must have the value of true"):
        _put(place, {"NULL": False})


def test_a_value_nested_33_levels_deep_is_refused(place: Place) -> None:
    _put(place, _nested(31))
    with refused("ValidationException", "Nesting Levels have exceeded supported limits"):
        _put(place, _nested(33))


def test_attribute_names_may_be_any_text(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "a.b c#[0]:": "odd", "SET": "reserved"})
    results = place.get(1)
    assert results is not None
    assert (results["a.b c#[0]:"], results["SET"]) == ("odd", "reserved")


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "deep"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


def _put(place: Place, value: dict[str, Any]) -> None:
    place.client.put_item(TableName=place.table, Item={**key(1), "value": value})


def _get(place: Place) -> dict[str, Any]:
    results: dict[str, Any] = place.client.get_item(TableName=place.table, Key=key(1))["Item"]["value"]
    return results
