"""Create tables and enable their time to live."""

from typing import Any

import pytest

from tests.local.tables.place import Place, definitions, key_schema, photos, refused


def test_a_table_cannot_be_created_twice(place: Place) -> None:
    with refused("ResourceInUseException", place.table):
        place.client.create_table(**photos(place.table))


def test_an_absent_table_is_not_found(place: Place) -> None:
    with refused("ResourceNotFoundException"):
        Place(place.client, "absent-table").scan()


def test_writing_to_an_absent_table_is_refused(place: Place) -> None:
    with refused("ResourceNotFoundException"):
        Place(place.client, "absent-table").put({"account": "anna", "number": 1})


def test_time_to_live_cannot_be_turned_on_twice(place: Place) -> None:
    specification = {"AttributeName": "expires", "Enabled": True}
    place.client.update_time_to_live(TableName=place.table, TimeToLiveSpecification=specification)
    with refused("ValidationException", "already enabled"):
        place.client.update_time_to_live(TableName=place.table, TimeToLiveSpecification=specification)


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
def test_an_inconsistent_table_definition_is_refused(place: Place, wrong: str) -> None:
    right = {
        "TableName": f"{place.table}-wrong",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": definitions("account", "number"),
        "KeySchema": key_schema("account", "number"),
    }
    with refused("ValidationException"):
        place.client.create_table(**{**right, **WRONG_TABLES[wrong]})
