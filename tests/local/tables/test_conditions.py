"""Condition expressions, function by function."""

from typing import Any

import pytest

from tests.local.tables.place import Place, a_place, refused

ITEM: dict[str, Any] = {
    "account": "anna",
    "number": 1,
    "caption": "lake at dawn",
    "height": 1080,
    "starred": True,
    "nothing": None,
    "steps": ["probe", 7, {"name": "poster"}],
    "camera": {"maker": "Leica", "lens": {"mm": 35}, "notes": ["a", "b"]},
}

TRUE: list[tuple[str, dict[str, Any]]] = [
    ("attribute_exists(caption)", {}),
    ("attribute_not_exists(absent)", {}),
    ("height = :v", {":v": 1080}),
    ("height > :v", {":v": 999}),
    ("height >= :v", {":v": 1080}),
    ("height < :v", {":v": 10000}),
    ("height <= :v", {":v": 1080}),
    ("caption > :v", {":v": "lake"}),
    ("camera = :v", {":v": {"maker": "Leica", "lens": {"mm": 35}, "notes": ["a", "b"]}}),
    ("starred = :v", {":v": True}),
    ("nothing = :v", {":v": None}),
    ("height = :v AND caption = :c", {":v": 1080, ":c": "lake at dawn"}),
    ("height = :w OR height = :v", {":v": 1080, ":w": 1}),
    ("height = :v OR height = :w AND height = :w", {":v": 1080, ":w": 1}),
    ("(height = :v)", {":v": 1080}),
    ("((height = :v) AND (height = :v))", {":v": 1080}),
]

FALSE: list[tuple[str, dict[str, Any]]] = [
    ("attribute_exists(absent)", {}),
    ("absent = :v", {":v": 1}),
    ("absent < :v", {":v": 1}),
    ("height = :v", {":v": "1080"}),
    ("height < :v", {":v": "9999"}),
    ("(height = :v OR height = :w) AND height = :w", {":v": 1080, ":w": 1}),
]

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("", {}),
    "half a comparison": ("height =", {":v": 1}),
    "no operator": ("height :v", {":v": 1}),
    "an open parenthesis": ("(height = :v", {":v": 1}),
    "a function that does not exist": ("exists(height)", {}),
    "doubled parentheses": ("((height = :v))", {":v": 1}),
    "a strange character": ("height = :v !", {":v": 1}),
    "an undefined value": ("height = :w", {":v": 1}),
    "an unused value": ("attribute_exists(height)", {":v": 1}),
    "a reserved word": ("size = :v", {":v": 1}),
    "an undefined name": ("#absent = :v", {":v": 1}),
    "an unordered value": ("height < :v", {":v": True}),
}


@pytest.mark.parametrize(("condition", "values"), TRUE, ids=[condition for condition, _ in TRUE])
def test_a_condition_holds(place: Place, condition: str, values: dict[str, Any]) -> None:
    place.put(ITEM)
    assert place.holds(condition, values=values)


@pytest.mark.parametrize(("condition", "values"), FALSE, ids=[condition for condition, _ in FALSE])
def test_a_condition_does_not_hold(place: Place, condition: str, values: dict[str, Any]) -> None:
    place.put(ITEM)
    assert not place.holds(condition, values=values)


@pytest.mark.parametrize("what", REFUSED)
def test_an_invalid_condition_is_refused(place: Place, what: str) -> None:
    condition, values = REFUSED[what]
    with refused("ValidationException"):
        place.put(ITEM, condition=condition, values=values)


UNSUPPORTED: dict[str, tuple[str, dict[str, Any]]] = {
    "a function that we never call": ("begins_with(caption, :v)", {":v": "lake"}),
    "a path into a map": ("camera.maker = :v", {":v": "Leica"}),
    "a position in a list": ("steps[0] = :v", {":v": "probe"}),
    "a range": ("height BETWEEN :v AND :v", {":v": 1}),
    "another order": (":v < height", {":v": 1}),
    "NOT": ("NOT height = :v", {":v": 1}),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_syntax_that_darkroom_never_writes_is_refused(ours: Any, what: str) -> None:
    condition, values = UNSUPPORTED[what]
    with refused("ValidationException", "Invalid ConditionExpression"):
        a_place(ours).put(ITEM, condition=condition, values=values)


def test_names_represent_attributes(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "size": 5, "a.b": 1})
    assert place.holds(
        "#s = :v AND #dotted = :one", names={"#s": "size", "#dotted": "a.b"}, values={":v": 5, ":one": 1}
    )


def test_an_unused_name_is_refused(place: Place) -> None:
    with refused("ValidationException", "unused in expressions: keys: {#unused}"):
        place.put(ITEM, condition="attribute_exists(caption)", names={"#unused": "caption"})


def test_names_without_an_expression_are_refused(place: Place) -> None:
    with refused("ValidationException", "can only be specified when using expressions"):
        place.put(ITEM, names={"#unused": "caption"})


def test_numbers_are_compared_as_decimals(place: Place) -> None:
    place.client.put_item(
        TableName=place.table,
        Item={"account": {"S": "anna"}, "number": {"N": "1"}, "n": {"N": "12345678901234567890.000000000000000001"}},
    )
    above = {":v": {"N": "12345678901234567890.000000000000000002"}}
    below = {":v": {"N": "12345678901234567890"}}
    arguments = {"TableName": place.table, "Key": {"account": {"S": "anna"}, "number": {"N": "1"}}}
    place.client.update_item(
        **arguments, UpdateExpression="SET seen = :v", ConditionExpression="n < :v", ExpressionAttributeValues=above
    )
    place.client.update_item(
        **arguments, UpdateExpression="SET seen = :v", ConditionExpression="n > :v", ExpressionAttributeValues=below
    )


def test_texts_are_compared_by_their_bytes(place: Place) -> None:
    place.put(
        {"account": "anna", "number": 1, "word": "\uffee"}
    )  # before any pair of surrogates in UTF-16, not in UTF-8
    assert place.holds("word < :v", values={":v": "🌊"})
