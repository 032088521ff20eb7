"""Update expressions, clause by clause."""

from typing import Any

import pytest

from tests.local.tables.place import Place, a_place, refused

ITEM: dict[str, Any] = {
    "account": "anna",
    "number": 1,
    "count": 5,
    "caption": "lake",
    "steps": ["one", "two", "three"],
    "camera": {"maker": "Leica", "lens": {"mm": 35}},
}

CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a value is set": ("SET caption = :v", {":v": "hill"}, {"caption": "hill"}),
    "a new attribute is set": ("SET fresh = :v", {":v": [1]}, {"fresh": [1]}),
    "an existing value stays": ("SET caption = if_not_exists(caption, :v)", {":v": "hill"}, {"caption": "lake"}),
    "an absent attribute gets the initial value": ("SET fresh = if_not_exists(fresh, :v)", {":v": 0}, {"fresh": 0}),
    "an attribute is removed": ("REMOVE caption", {}, {"caption": None}),
    "removing an absent attribute does nothing": ("REMOVE absent", {}, {}),
    "both clauses are combined": ("SET #count = :c REMOVE steps, camera", {":c": 1},
        {"count": 1, "steps": None, "camera": None},
    ),
    "operands are those before the update": (
        "SET caption = :c, fresh = if_not_exists(caption, :c)", {":c": "hill"}, {"caption": "hill", "fresh": "lake"},
    ),
    "keywords may be in lower case": ("set caption = :v remove steps", {":v": "x"}, {"caption": "x", "steps": None}),
}  # fmt: skip

REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a part of the key": ("SET #number = :v", {":v": 2}, "This attribute is part of the key"),
    "a path twice": ("SET caption = :v, caption = :v", {":v": 1}, "Two document paths overlap"),
    "a clause twice": ("SET caption = :v SET fresh = :v", {":v": 1}, "can only be used once"),
    "an unknown clause": ("PUT caption = :v", {":v": 1}, "Syntax error"),
    "an unfinished clause": ("SET caption =", {}, "Syntax error"),
    "an empty expression": ("", {}, "The expression can not be empty"),
    "a reserved word": ("SET count = :v", {":v": 1}, "reserved keyword: count"),
}  # fmt: skip

UNSUPPORTED: dict[str, tuple[str, dict[str, Any]]] = {
    "a sum": ("SET fresh = #count + :v", {":v": 1}),
    "a copy of an attribute": ("SET fresh = caption", {}),
    "a function that we never call": ("SET steps = list_append(steps, :v)", {":v": [1]}),
    "a path into a map": ("SET camera.maker = :v", {":v": 1}),
    "ADD": ("ADD #count :v", {":v": 1}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_update_changes_only_the_named_attributes(place: Place, what: str) -> None:
    expression, values, changed = CHANGES[what]
    place.put(ITEM)
    place.update(1, expression, values=values, names=_names(expression))
    expected = {name: value for name, value in {**ITEM, **changed}.items() if value is not None}
    assert place.get(1) == expected


@pytest.mark.parametrize("what", REFUSED)
def test_an_invalid_update_is_refused(place: Place, what: str) -> None:
    expression, values, message = REFUSED[what]
    place.put(ITEM)
    with refused("ValidationException", message):
        place.update(1, expression, values=values, names=_names(expression))
    assert place.get(1) == ITEM


def test_an_update_creates_an_absent_item(place: Place) -> None:
    place.update(1, "SET caption = :v", values={":v": "lake"})
    assert place.get(1) == {"account": "anna", "number": 1, "caption": "lake"}


def test_an_update_with_a_failed_condition_changes_nothing(place: Place) -> None:
    place.put(ITEM)
    with refused("ConditionalCheckFailedException"):
        place.update(1, "SET caption = :v", condition="caption = :v", values={":v": "hill"})
    assert place.get(1) == ITEM


def test_an_update_of_an_absent_item_can_be_forbidden(place: Place) -> None:
    with refused("ConditionalCheckFailedException"):
        place.update(1, "SET caption = :v", condition="attribute_exists(account)", values={":v": "hill"})
    assert place.get(1) is None


def test_an_update_beyond_the_item_size_limit_is_refused(place: Place) -> None:
    place.put({**ITEM, "long": "x" * 300_000})
    with refused("ValidationException", "Item size to update has exceeded the maximum allowed size"):
        place.update(1, "SET more = :v", values={":v": "x" * 110_000})


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_syntax_that_darkroom_never_writes_is_refused(ours: Any, what: str) -> None:
    place, (expression, values) = a_place(ours), UNSUPPORTED[what]
    place.put(ITEM)
    with refused("ValidationException", "Syntax error"):
        place.update(1, expression, values=values, names=_names(expression))
    assert place.get(1) == ITEM


def _names(expression: str) -> dict[str, str]:
    return {f"#{name}": name for name in ("count", "number") if f"#{name}" in expression}
