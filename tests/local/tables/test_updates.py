"""What an update makes of an item, clause by clause."""

from decimal import Decimal
from typing import Any

import pytest

from tests.local.tables.place import Place, refused

ITEM: dict[str, Any] = {
    "account": "anna",
    "number": 1,
    "count": 5,
    "caption": "lake",
    "tags": {"a", "b"},
    "numbers": {1, 2},
    "steps": ["one", "two", "three"],
    "camera": {"maker": "Leica", "lens": {"mm": 35}},
}

CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a value is set": ("SET caption = :v", {":v": "hill"}, {"caption": "hill"}),
    "a new attribute is set": ("SET fresh = :v", {":v": [1]}, {"fresh": [1]}),
    "one attribute is copied to another": ("SET fresh = caption", {}, {"fresh": "lake"}),
    "a number is added": ("SET #count = #count + :v", {":v": 3}, {"count": 8}),
    "a number is taken away": ("SET #count = #count - :v", {":v": 7}, {"count": -2}),
    "two values are added": ("SET #count = :v + :v", {":v": 7}, {"count": 14}),
    "what exists is kept": ("SET caption = if_not_exists(caption, :v)", {":v": "hill"}, {"caption": "lake"}),
    "what is absent gets a start": ("SET fresh = if_not_exists(fresh, :v)", {":v": 0}, {"fresh": 0}),
    "a counter starts by itself": ("SET fresh = if_not_exists(fresh, :z) + :o", {":z": 0, ":o": 1}, {"fresh": 1}),
    "a list grows at its end": (
        "SET steps = list_append(steps, :v)", {":v": ["four"]}, {"steps": ["one", "two", "three", "four"]},
    ),
    "a list grows at its start": (
        "SET steps = list_append(:v, steps)", {":v": ["zero"]}, {"steps": ["zero", "one", "two", "three"]},
    ),
    "a list is begun": ("SET fresh = list_append(if_not_exists(fresh, :e), :v)", {":e": [], ":v": [1]}, {"fresh": [1]}),
    "an element is replaced": ("SET steps[1] = :v", {":v": 2}, {"steps": ["one", 2, "three"]}),
    "an element far past the end is appended": (
        "SET steps[9] = :v", {":v": "four"}, {"steps": ["one", "two", "three", "four"]},
    ),
    "elements past the end are appended in order": (
        "SET steps[9] = :b, steps[8] = :a", {":a": "a", ":b": "b"}, {"steps": ["one", "two", "three", "a", "b"]},
    ),
    "a key of a map is set": (
        "SET camera.maker = :v", {":v": "Canon"}, {"camera": {"maker": "Canon", "lens": {"mm": 35}}},
    ),
    "a deep key is set": (
        "SET camera.lens.mm = camera.lens.mm + :v", {":v": 15}, {"camera": {"maker": "Leica", "lens": {"mm": 50}}},
    ),
    "two keys of one map are set": (
        "SET camera.maker = :v, camera.lens.mm = :n", {":v": "Canon", ":n": 50},
        {"camera": {"maker": "Canon", "lens": {"mm": 50}}},
    ),
    "an attribute is removed": ("REMOVE caption", {}, {"caption": None}),
    "removing what is absent does nothing": ("REMOVE absent", {}, {}),
    "an element is removed": ("REMOVE steps[0]", {}, {"steps": ["two", "three"]}),
    "two elements are removed": ("REMOVE steps[0], steps[1]", {}, {"steps": ["three"]}),
    "a deep key is removed": ("REMOVE camera.lens", {}, {"camera": {"maker": "Leica"}}),
    "ADD adds to a number": ("ADD #count :v", {":v": -6}, {"count": -1}),
    "ADD begins a number": ("ADD fresh :v", {":v": 6}, {"fresh": 6}),
    "ADD adds members to a set": ("ADD tags :v", {":v": {"b", "c"}}, {"tags": {"a", "b", "c"}}),
    "ADD begins a set": ("ADD fresh :v", {":v": {"c"}}, {"fresh": {"c"}}),
    "DELETE takes members from a set": ("DELETE tags :v", {":v": {"b", "c"}}, {"tags": {"a"}}),
    "DELETE of the last members takes the set": ("DELETE numbers :v", {":v": {1, 2}}, {"numbers": None}),
    "DELETE of what is absent does nothing": ("DELETE absent :v", {":v": {"b"}}, {}),
    "all clauses go together": (
        "SET caption = :c REMOVE steps ADD #count :n DELETE tags :t", {":c": "x", ":n": 1, ":t": {"a"}},
        {"caption": "x", "steps": None, "count": 6, "tags": {"b"}},
    ),
    "operands are those before the update": (
        "SET caption = :c, fresh = caption", {":c": "hill"}, {"caption": "hill", "fresh": "lake"},
    ),
    "keywords may be in lower case": ("set caption = :v remove steps", {":v": "x"}, {"caption": "x", "steps": None}),
}  # fmt: skip

REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an attribute of the key": ("SET account = :v", {":v": "bert"}, "This attribute is part of the key"),
    "a path twice": ("SET caption = :v, caption = :v", {":v": 1}, "Two document paths overlap"),
    "a path and one below": ("SET camera = :v REMOVE camera.lens", {":v": 1}, "Two document paths overlap"),
    "a clause twice": ("SET caption = :v SET fresh = :v", {":v": 1}, "can only be used once"),
    "a copy of what is absent": ("SET caption = absent", {}, "does not exist in the item"),
    "a sum with what is absent": ("SET fresh = absent + :v", {":v": 1}, "does not exist in the item"),
    "a sum with a text": ("SET fresh = caption + :v", {":v": 1}, "incorrect data type"),
    "a text as summand": ("SET fresh = #count + :v", {":v": "1"}, "Incorrect operand type"),
    "a list and a number": ("SET steps = list_append(steps, :v)", {":v": 1}, "Incorrect operand type"),
    "ADD of a text": ("ADD caption :v", {":v": "x"}, "Incorrect operand type"),
    "ADD of a number to a set": ("ADD tags :v", {":v": 1}, "incorrect data type"),
    "DELETE of a text": ("DELETE tags :v", {":v": "a"}, "Incorrect operand type"),
    "a path through a text": ("SET caption.deep = :v", {":v": 1}, "document path provided in the update expression"),
    "a path through nothing": ("SET absent.deep = :v", {":v": 1}, "document path provided in the update expression"),
    "an unknown clause": ("PUT caption = :v", {":v": 1}, "Syntax error"),
    "an unfinished clause": ("SET caption =", {}, "Syntax error"),
    "an empty expression": ("", {}, "The expression can not be empty"),
    "a reserved word": ("SET count = :v", {":v": 1}, "reserved keyword: count"),
    "39 digits": ("SET #count = :a + :b", {":a": 10**37, ":b": Decimal("0.1")}, ""),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_an_update_changes_just_this(place: Place, what: str) -> None:
    expression, values, changed = CHANGES[what]
    place.put(ITEM)
    updated = place.update(1, expression, returns="ALL_NEW", values=values, names=_names(expression))
    expected = {name: value for name, value in {**ITEM, **changed}.items() if value is not None}
    assert updated == expected
    assert place.get(1) == expected


@pytest.mark.parametrize("what", REFUSED)
def test_an_update_is_refused(place: Place, what: str) -> None:
    expression, values, message = REFUSED[what]
    place.put(ITEM)
    with refused("ValidationException", message):
        place.update(1, expression, values=values, names=_names(expression))
    assert place.get(1) == ITEM


def test_an_update_makes_the_item_when_there_is_none(place: Place) -> None:
    place.update(1, "SET caption = :v", values={":v": "lake"})
    assert place.get(1) == {"account": "anna", "number": 1, "caption": "lake"}


def test_an_update_without_an_expression_makes_the_bare_item(place: Place) -> None:
    place.client.update_item(TableName=place.table, Key={"account": {"S": "anna"}, "number": {"N": "1"}})
    assert place.get(1) == {"account": "anna", "number": 1}


def test_an_update_whose_condition_fails_changes_nothing(place: Place) -> None:
    place.put(ITEM)
    with refused("ConditionalCheckFailedException"):
        place.update(1, "SET caption = :v", condition="caption = :v", values={":v": "hill"})
    assert place.get(1) == ITEM


def test_an_update_of_an_absent_item_can_be_forbidden(place: Place) -> None:
    with refused("ConditionalCheckFailedException"):
        place.update(1, "SET caption = :v", condition="attribute_exists(account)", values={":v": "hill"})
    assert place.get(1) is None


RETURNS: dict[str, dict[str, Any]] = {
    "NONE": {},
    "ALL_OLD": ITEM,
    "UPDATED_OLD": {"caption": "lake"},
    "ALL_NEW": {**ITEM, "caption": "hill", "fresh": 1},
    "UPDATED_NEW": {"caption": "hill", "fresh": 1},
}


@pytest.mark.parametrize("returns", RETURNS)
def test_an_update_answers_with_what_was_asked_for(place: Place, returns: str) -> None:
    place.put(ITEM)
    answered = place.update(1, "SET caption = :v, fresh = :n", values={":v": "hill", ":n": 1}, returns=returns)
    assert answered == RETURNS[returns]


def test_an_update_past_the_size_of_items_is_refused(place: Place) -> None:
    place.put({**ITEM, "long": "x" * 300_000})
    with refused("ValidationException", "Item size to update has exceeded the maximum allowed size"):
        place.update(1, "SET more = :v", values={":v": "x" * 110_000})


def test_sums_are_exact(place: Place) -> None:
    for _ in range(3):
        place.client.update_item(
            TableName=place.table,
            Key={"account": {"S": "anna"}, "number": {"N": "1"}},
            UpdateExpression="ADD tally :v",
            ExpressionAttributeValues={":v": {"N": "0.1"}},
        )
    assert place.client.get_item(TableName=place.table, Key={"account": {"S": "anna"}, "number": {"N": "1"}})["Item"][
        "tally"
    ] == {"N": "0.3"}


def _names(expression: str) -> dict[str, str]:
    return {"#count": "count"} if "#count" in expression else {}
