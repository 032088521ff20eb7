"""Secondary indexes: sparse, consistent with every write, with the declared projection."""

import pytest

from tests.local.tables.place import Place, refused


def test_an_item_is_in_a_global_index_only_with_all_its_keys(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "due_shard": "s", "due_at": 5})
    place.put({"account": "anna", "number": 2, "due_shard": "s"})
    place.put({"account": "anna", "number": 3, "due_at": 5})
    assert _due(place) == [1]


def test_an_item_is_in_a_local_index_only_with_its_key(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "taken_at": "2026"})
    place.put({"account": "anna", "number": 2})
    assert place.numbers("account = :a", values={":a": "anna"}, IndexName="by_taken") == [1]


def test_an_update_adds_moves_and_removes_an_index_entry(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "due_shard": "s", "due_at": 5})
    place.put({"account": "anna", "number": 2, "caption": "x"})
    assert _due(place) == [1]
    place.update(2, "SET due_shard = :s, due_at = :t", values={":s": "s", ":t": 4})
    assert _due(place) == [2, 1]
    place.update(2, "SET due_at = :t", values={":t": 6})
    assert _due(place) == [1, 2]
    place.update(2, "REMOVE due_shard")
    assert _due(place) == [1]


def test_a_put_and_a_delete_update_the_indexes(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "due_shard": "s", "due_at": 5})
    place.put({"account": "anna", "number": 1, "due_shard": "t", "due_at": 5})
    assert (_due(place), _due(place, "t")) == ([], [1])
    place.delete(1)
    assert _due(place, "t") == []


def test_a_transaction_updates_the_indexes(place: Place) -> None:
    place.transact(
        {"Put": {"Item": {"account": {"S": "a"}, "number": {"N": "1"}, "due_shard": {"S": "s"}, "due_at": {"N": "2"}}}},
        {"Put": {"Item": {"account": {"S": "b"}, "number": {"N": "2"}, "due_shard": {"S": "s"}, "due_at": {"N": "1"}}}},
    )
    assert _due(place) == [2, 1]


def test_a_global_index_spans_partitions(place: Place) -> None:
    for number, account in enumerate(["anna", "bert", "carla"]):
        place.put({"account": account, "number": number, "digest": "same"})
    assert sorted(place.numbers("digest = :d", values={":d": "same"}, IndexName="by_digest")) == [0, 1, 2]


def test_an_index_contains_its_declared_projection(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "digest": "d", "caption": "lake", "camera": "Leica"})
    result = place.query("digest = :d", values={":d": "d"}, IndexName="by_digest")["Items"]
    assert result == [{"account": "anna", "number": 1, "digest": "d"}]


def test_an_index_with_projection_all_returns_all_attributes(place: Place) -> None:
    item = {"account": "anna", "number": 1, "due_shard": "s", "due_at": 1, "camera": {"mm": 35}}
    place.put(item)
    assert place.query("due_shard = :s", values={":s": "s"}, IndexName="by_due")["Items"] == [item]


def test_a_local_index_supports_consistent_reads(place: Place) -> None:
    for number in range(10):
        place.put({"account": "anna", "number": number, "taken_at": f"{9 - number}"})
        result = place.numbers(
            "account = :a", values={":a": "anna"}, IndexName="by_taken", ConsistentRead=True, Limit=1
        )
        assert result == [number]


def test_the_last_key_of_an_index_page_has_the_keys_of_table_and_index(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "due_shard": "s", "due_at": 5})
    page = place.query("due_shard = :s", values={":s": "s"}, IndexName="by_due", Limit=1)
    assert page["LastEvaluatedKey"].keys() == {"account", "number", "due_shard", "due_at"}


@pytest.mark.parametrize(
    "wrong", [{"digest": 5}, {"digest": ""}, {"taken_at": None}, {"due_shard": "s", "due_at": "5"}]
)
def test_an_index_key_of_another_type_is_refused(place: Place, wrong: dict[str, object]) -> None:
    with refused("ValidationException", "IndexName"):
        place.put({"account": "anna", "number": 1, **wrong})


def test_an_update_to_an_index_key_of_another_type_is_refused(place: Place) -> None:
    place.put({"account": "anna", "number": 1})
    with refused("ValidationException"):
        place.update(1, "SET digest = :v", values={":v": 5})


def _due(place: Place, shard: str = "s") -> list[int]:
    return place.numbers("due_shard = :s", values={":s": shard}, IndexName="by_due")
