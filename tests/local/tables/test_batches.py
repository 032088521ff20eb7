"""BatchGetItem and BatchWriteItem."""

from collections.abc import Iterable
from typing import Any

from tests.local.tables.place import Place, key, plain, refused


def test_a_batch_reads_what_exists(place: Place) -> None:
    for number in range(3):
        place.put({"account": "anna", "number": number})
    response = place.client.batch_get_item(RequestItems={place.table: {"Keys": [key(0), key(2), key(9)]}})
    assert sorted(int(plain(item)["number"]) for item in response["Responses"][place.table]) == [0, 2]
    assert response["UnprocessedKeys"] == {}


def test_a_batch_of_101_keys_is_refused(place: Place) -> None:
    place.client.batch_get_item(RequestItems={place.table: {"Keys": [key(number) for number in range(100)]}})
    with refused("ValidationException"):
        place.client.batch_get_item(RequestItems={place.table: {"Keys": [key(number) for number in range(101)]}})


def test_a_batch_with_a_duplicate_key_is_refused(place: Place) -> None:
    with refused("ValidationException", "Provided list of item keys contains duplicates"):
        place.client.batch_get_item(RequestItems={place.table: {"Keys": [key(1), key(1)]}})


def test_a_batch_from_an_absent_table_is_refused(place: Place) -> None:
    with refused("ResourceNotFoundException"):
        place.client.batch_get_item(RequestItems={"absent-table": {"Keys": [key(1)]}})


def test_a_batch_with_a_large_response_names_the_rest(place: Place) -> None:
    for number in range(50):
        place.put({"account": "anna", "number": number, "caption": "x" * 400_000})
    requested = {place.table: {"Keys": [key(number) for number in range(50)]}}
    result = 0
    for _ in range(2):
        response = place.client.batch_get_item(RequestItems=requested)
        result += len(response["Responses"][place.table])
        requested = response["UnprocessedKeys"]
    assert (result, requested) == (50, {})


def test_a_batch_deletes_existing_items(place: Place) -> None:
    for number in range(5):
        place.put({"account": "anna", "number": number})
    response = _delete(place, [0, 3, 9])
    assert response["UnprocessedItems"] == {}
    assert place.numbers("account = :a", values={":a": "anna"}) == [1, 2, 4]


def test_a_batch_of_26_writes_is_refused(place: Place) -> None:
    _delete(place, range(25))
    with refused("ValidationException"):
        _delete(place, range(26))


def test_a_batch_that_writes_one_item_twice_is_refused(place: Place) -> None:
    with refused("ValidationException", "Provided list of item keys contains duplicates"):
        _delete(place, [1, 1])


def test_a_partial_key_refuses_the_whole_batch(place: Place) -> None:
    place.put({"account": "anna", "number": 1})
    half = {"DeleteRequest": {"Key": {"account": {"S": "anna"}}}}
    with refused("ValidationException"):
        place.client.batch_write_item(RequestItems={place.table: [{"DeleteRequest": {"Key": key(1)}}, half]})
    assert place.get(1) is not None


def _delete(place: Place, numbers: Iterable[int]) -> dict[str, Any]:
    requests = [{"DeleteRequest": {"Key": key(number)}} for number in numbers]
    return dict(place.client.batch_write_item(RequestItems={place.table: requests}))
