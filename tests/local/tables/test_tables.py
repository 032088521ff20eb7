"""Tables: made, described, listed, deleted, and told when rows expire."""

from typing import Any

import pytest

from tests.local.tables.place import Place, definitions, key_schema, photos, refused


def test_a_new_table_is_described_as_it_was_declared(place: Place) -> None:
    described = place.client.describe_table(TableName=place.table)["Table"]
    declared = photos(place.table)
    assert described["TableStatus"] == "ACTIVE"
    assert described["KeySchema"] == declared["KeySchema"]
    assert _by_name(described["AttributeDefinitions"]) == _by_name(declared["AttributeDefinitions"])
    [local] = described["LocalSecondaryIndexes"]
    assert (local["IndexName"], local["Projection"]) == ("by_taken", {"ProjectionType": "ALL"})
    projections = {index["IndexName"]: index["Projection"] for index in described["GlobalSecondaryIndexes"]}
    assert projections["by_digest"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["caption"]}


def test_a_description_counts_the_items(place: Place) -> None:
    for number in range(3):
        place.put({"account": "anna", "number": number})
    assert place.client.describe_table(TableName=place.table)["Table"]["ItemCount"] == 3


def test_a_waiter_finds_a_new_table_at_once(place: Place) -> None:
    place.client.get_waiter("table_exists").wait(TableName=place.table, WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def test_a_table_cannot_be_made_twice(place: Place) -> None:
    with refused("ResourceInUseException", place.table):
        place.client.create_table(**photos(place.table))


def test_a_deleted_table_is_gone(place: Place) -> None:
    other = f"{place.table}-other"
    place.client.create_table(**photos(other))
    place.client.delete_table(TableName=other)
    place.client.get_waiter("table_not_exists").wait(TableName=other, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    with refused("ResourceNotFoundException"):
        place.client.describe_table(TableName=other)


def test_a_table_made_again_under_its_old_name_is_empty(place: Place) -> None:
    other = Place(place.client, f"{place.table}-other")
    for _ in range(2):
        other.client.create_table(**photos(other.table))
        assert other.get(1) is None
        other.put({"account": "anna", "number": 1})
        other.client.delete_table(TableName=other.table)


@pytest.mark.parametrize("call", ["describe_table", "delete_table", "describe_time_to_live", "scan"])
def test_an_absent_table_is_not_found(place: Place, call: str) -> None:
    with refused("ResourceNotFoundException"):
        getattr(place.client, call)(TableName="absent-table")


def test_writing_to_an_absent_table_is_refused(place: Place) -> None:
    with refused("ResourceNotFoundException"):
        Place(place.client, "absent-table").put({"account": "anna", "number": 1})


def test_tables_are_listed_in_pages(place: Place) -> None:
    others = [f"{place.table}-{letter}" for letter in "abc"]
    for name in others:
        place.client.create_table(**photos(name))
    pages = place.client.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    names = [name for page in pages for name in page["TableNames"]]
    assert {place.table, *others} <= set(names)
    assert len(names) == len(set(names))
    for name in others:
        place.client.delete_table(TableName=name)


def test_time_to_live_is_off_until_it_is_turned_on(place: Place) -> None:
    assert _time_to_live(place)["TimeToLiveStatus"] == "DISABLED"
    specification = {"AttributeName": "expires", "Enabled": True}
    place.client.update_time_to_live(TableName=place.table, TimeToLiveSpecification=specification)
    assert _time_to_live(place) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_time_to_live_cannot_be_turned_on_twice(place: Place) -> None:
    specification = {"AttributeName": "expires", "Enabled": True}
    place.client.update_time_to_live(TableName=place.table, TimeToLiveSpecification=specification)
    with refused("ValidationException", "already enabled"):
        place.client.update_time_to_live(TableName=place.table, TimeToLiveSpecification=specification)


def test_time_to_live_can_be_turned_off(place: Place) -> None:
    for enabled in (True, False):
        specification = {"AttributeName": "expires", "Enabled": enabled}
        place.client.update_time_to_live(TableName=place.table, TimeToLiveSpecification=specification)
    assert _time_to_live(place)["TimeToLiveStatus"] == "DISABLED"


WRONG_TABLES: dict[str, dict[str, Any]] = {
    "a key that is not defined": {"AttributeDefinitions": definitions("account")},
    "a definition that no key uses": {"AttributeDefinitions": definitions("account", "number", "digest")},
    "a range key alone": {"KeySchema": [{"AttributeName": "number", "KeyType": "RANGE"}]},
    "a local index with another hash key": {
        "LocalSecondaryIndexes": [
            {
                "IndexName": "wrong",
                "KeySchema": key_schema("number", "account"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ]
    },
}


@pytest.mark.parametrize("wrong", WRONG_TABLES)
def test_a_table_that_makes_no_sense_is_refused(place: Place, wrong: str) -> None:
    right = {
        "TableName": f"{place.table}-wrong",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": definitions("account", "number"),
        "KeySchema": key_schema("account", "number"),
    }
    with refused("ValidationException"):
        place.client.create_table(**{**right, **WRONG_TABLES[wrong]})


def _by_name(attributes: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((attribute["AttributeName"], attribute["AttributeType"]) for attribute in attributes)


def _time_to_live(place: Place) -> dict[str, str]:
    described: dict[str, str] = place.client.describe_time_to_live(TableName=place.table)["TimeToLiveDescription"]
    return described
