"""BatchGetItem and BatchWriteItem."""

from typing import Any

from tests.local.tables.place import Place, key, plain, refused, wire


def test_a_batch_reads_what_exists(place: Place) -> None:
    for number in range(3):
        place.put({"account": "anna", "number": number})
    answer = place.client.batch_get_item(RequestItems={place.table: {"Keys": [key(0), key(2), key(9)]}})
    assert sorted(int(plain(item)["number"]) for item in answer["Responses"][place.table]) == [0, 2]
    assert answer["UnprocessedKeys"] == {}


def test_a_batch_can_be_cut_down(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "caption": "lake"})
    request = {"Keys": [key(1)], "ProjectionExpression": "#c", "ExpressionAttributeNames": {"#c": "caption"}}
    answer = place.client.batch_get_item(RequestItems={place.table: request})
    assert answer["Responses"][place.table] == [{"caption": {"S": "lake"}}]


def test_101_keys_are_too_many(place: Place) -> None:
    place.client.batch_get_item(RequestItems={place.table: {"Keys": [key(number) for number in range(100)]}})
    with refused("ValidationException"):
        place.client.batch_get_item(RequestItems={place.table: {"Keys": [key(number) for number in range(101)]}})


def test_a_key_twice_is_refused(place: Place) -> None:
    with refused("ValidationException", "Provided list of item keys contains duplicates"):
        place.client.batch_get_item(RequestItems={place.table: {"Keys": [key(1), key(1)]}})


def test_a_batch_from_an_absent_table_is_refused(place: Place) -> None:
    with refused("ResourceNotFoundException"):
        place.client.batch_get_item(RequestItems={"absent-table": {"Keys": [key(1)]}})


def test_a_batch_that_answers_too_much_names_the_rest(place: Place) -> None:
    for number in range(50):
        place.put({"account": "anna", "number": number, "caption": "x" * 400_000})
    wanted = {place.table: {"Keys": [key(number) for number in range(50)]}}
    found = 0
    for _ in range(2):
        answer = place.client.batch_get_item(RequestItems=wanted)
        found += len(answer["Responses"][place.table])
        wanted = answer["UnprocessedKeys"]
    assert (found, wanted) == (50, {})


def test_a_batch_writes_and_deletes(place: Place) -> None:
    place.put({"account": "anna", "number": 0})
    answer = _write(place, *(_put(number) for number in range(1, 5)), {"DeleteRequest": {"Key": key(0)}})
    assert answer["UnprocessedItems"] == {}
    assert place.numbers("account = :a", values={":a": "anna"}) == [1, 2, 3, 4]


def test_26_writes_are_too_many(place: Place) -> None:
    _write(place, *map(_put, range(25)))
    with refused("ValidationException"):
        _write(place, *map(_put, range(26)))


def test_a_batch_that_writes_one_item_twice_is_refused(place: Place) -> None:
    with refused("ValidationException", "Provided list of item keys contains duplicates"):
        _write(place, _put(1), {"DeleteRequest": {"Key": key(1)}})


def test_a_wrong_item_refuses_the_batch(place: Place) -> None:
    with refused("ValidationException"):
        _write(place, _put(1), {"PutRequest": {"Item": {"account": {"S": "anna"}}}})
    assert place.get(1) is None


def _put(number: int) -> dict[str, Any]:
    return {"PutRequest": {"Item": wire({"account": "anna", "number": number})}}


def _write(place: Place, *requests: dict[str, Any]) -> dict[str, Any]:
    return dict(place.client.batch_write_item(RequestItems={place.table: list(requests)}))
