"""Query: a partition in order, by ranges, in pages, from the table and its indexes."""

from typing import Any

import pytest

from tests.local.tables.place import Place, refused, wire

RANGES: list[tuple[str, dict[str, Any], list[int]]] = [
    ("#n = :v", {":v": 3}, [3]),
    ("#n < :v", {":v": 3}, [-20, -1, 0, 1, 2]),
    ("#n <= :v", {":v": 3}, [-20, -1, 0, 1, 2, 3]),
    ("#n > :v", {":v": 3}, [10, 100]),
    ("#n >= :v", {":v": 3}, [3, 10, 100]),
    ("(#n > :v)", {":v": 3}, [10, 100]),
]
NUMBERS = [-20, -1, 0, 1, 2, 3, 10, 100]


@pytest.mark.parametrize(("test", "values", "results"), RANGES)
@pytest.mark.parametrize("forward", [True, False])
def test_a_range_of_numbers_is_returned_in_numeric_order(
    place: Place, test: str, values: dict[str, Any], results: list[int], forward: bool
) -> None:
    _fill(place, NUMBERS)
    numbers = place.numbers(
        f"account = :a AND {test}", values={":a": "anna", **values}, names={"#n": "number"}, ScanIndexForward=forward
    )
    assert numbers == (results if forward else results[::-1])


def test_numbers_sort_as_decimals(place: Place) -> None:
    texts = ["-1e20", "-12.5", "-12.45", "-12", "-0.001", "0", "0.0001", "0.002", "1", "1.5", "9", "10", "1e3", "1e125"]
    for text in reversed(texts):
        place.client.put_item(TableName=place.table, Item={"account": {"S": "anna"}, "number": {"N": text}})
    results = place.client.query(
        TableName=place.table, KeyConditionExpression="account = :a", ExpressionAttributeValues={":a": {"S": "anna"}}
    )["Items"]
    assert [float(item["number"]["N"]) for item in results] == [float(text) for text in texts]


def test_a_query_returns_its_partition_only(place: Place) -> None:
    _fill(place, [1, 2], account="anna")
    _fill(place, [3], account="ann")
    _fill(place, [4], account="annab")
    assert place.numbers("account = :a", values={":a": "anna"}) == [1, 2]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_pages_contain_every_item_exactly_once(place: Place, size: int, forward: bool) -> None:
    _fill(place, range(10))
    result = _page_through(place, "account = :a", size, ScanIndexForward=forward)
    assert result == (list(range(10)) if forward else list(range(9, -1, -1)))


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("index", ["by_taken", "by_due"])
def test_pages_of_an_index_with_equal_sort_keys_contain_every_item_once(
    place: Place, index: str, forward: bool
) -> None:
    for number in range(12):
        place.put(
            {
                "account": "anna",
                "number": number,
                "taken_at": f"2026-0{number // 4 + 1}",
                "due_shard": "anna",
                "due_at": 7,
            }
        )
    key = "account" if index == "by_taken" else "due_shard"
    result = _page_through(place, f"{key} = :a", 3, IndexName=index, ScanIndexForward=forward)
    if index == "by_taken":
        assert result == (list(range(12)) if forward else list(range(11, -1, -1)))
    assert sorted(result) == list(range(12))


@pytest.mark.parametrize(("forward", "test"), [(True, "#n <= :v"), (False, "#n > :v")])
def test_the_last_page_of_a_range_ends_the_query(place: Place, forward: bool, test: str) -> None:
    _fill(place, range(10))
    result = _page_through(
        place, f"account = :a AND {test}", 2, {":v": 4}, names={"#n": "number"}, ScanIndexForward=forward
    )
    assert result == ([0, 1, 2, 3, 4] if forward else [9, 8, 7, 6, 5])


def test_a_page_that_ends_exactly_at_the_limit_has_a_last_key(place: Place) -> None:
    _fill(place, [1, 2])
    page = place.query("account = :a", values={":a": "anna"}, Limit=2)
    assert page["LastEvaluatedKey"] == wire({"account": "anna", "number": 2})
    rest = place.query("account = :a", values={":a": "anna"}, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert (rest["Items"], "LastEvaluatedKey" in rest) == ([], False)


def test_a_page_may_start_at_a_deleted_key(place: Place) -> None:
    _fill(place, [1, 2, 3])
    place.delete(2)
    assert place.numbers(
        "account = :a", values={":a": "anna"}, ExclusiveStartKey=wire({"account": "anna", "number": 2})
    ) == [3]


def test_a_page_holds_no_more_than_one_megabyte(place: Place) -> None:
    for number in range(6):
        place.put({"account": "anna", "number": number, "caption": "x" * 300_000})
    page = place.query("account = :a", values={":a": "anna"})
    assert len(page["Items"]) == 3
    assert page["LastEvaluatedKey"] == wire({"account": "anna", "number": 2})


def test_a_count_has_no_items(place: Place) -> None:
    _fill(place, range(5))
    page = place.client.query(
        TableName=place.table, KeyConditionExpression="account = :a",
        ExpressionAttributeValues={":a": {"S": "anna"}}, Select="COUNT",
    )  # fmt: skip
    assert (page["Count"], page["ScannedCount"], page.get("Items", [])) == (5, 5, [])


REFUSED: dict[str, dict[str, Any]] = {
    "no condition on the partition": {
        "KeyConditionExpression": "#n = :v", "names": {"#n": "number"}, "values": {":v": 1},
    },
    "a range of partitions": {"KeyConditionExpression": "account > :v", "values": {":v": "a"}},
    "an attribute outside the key": {"KeyConditionExpression": "account = :v AND caption = :v", "values": {":v": "a"}},
    "two conditions on one key": {
        "KeyConditionExpression": "account = :a AND #n > :v AND #n < :v", "names": {"#n": "number"},
        "values": {":a": "a", ":v": 1},
    },
    "an OR": {"KeyConditionExpression": "account = :v OR account = :v", "values": {":v": "a"}},
    "a value of another type": {"KeyConditionExpression": "account = :v", "values": {":v": 1}},
    "an absent index": {
        "KeyConditionExpression": "account = :v", "values": {":v": "a"}, "IndexName": "by_nothing",
    },
    "a start in another partition": {
        "KeyConditionExpression": "account = :v", "values": {":v": "a"},
        "ExclusiveStartKey": wire({"account": "b", "number": 1}),
    },
    "a start that is not a key": {
        "KeyConditionExpression": "account = :v", "values": {":v": "a"}, "ExclusiveStartKey": wire({"account": "a"}),
    },
    "a start outside of the range": {
        "KeyConditionExpression": "account = :v AND #n > :n", "values": {":v": "a", ":n": 5},
        "names": {"#n": "number"},
        "ExclusiveStartKey": wire({"account": "a", "number": 1}),
    },
    "a consistent read of a global index": {
        "KeyConditionExpression": "digest = :v", "values": {":v": "a"}, "IndexName": "by_digest",
        "ConsistentRead": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_an_invalid_query_is_refused(place: Place, what: str) -> None:
    arguments = dict(REFUSED[what])
    with refused("ValidationException"):
        place.query(arguments.pop("KeyConditionExpression"), **arguments)


def _fill(place: Place, numbers: Any, account: str = "anna") -> None:
    for number in numbers:
        place.put({"account": account, "number": number})


def _page_through(
    place: Place, condition: str, size: int, values: dict[str, Any] | None = None, **more: Any
) -> list[int]:
    results: list[int] = []
    start: dict[str, Any] = {}
    while True:
        page = place.query(condition, values={":a": "anna", **(values or {})}, Limit=size, **start, **more)
        assert len(page["Items"]) <= size
        results += [int(item["number"]) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return results
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
