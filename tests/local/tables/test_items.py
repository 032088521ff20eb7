"""Put, read and delete single items."""

from decimal import Decimal

from tests.local.tables.place import Place, key, refused, wire

PHOTO = {"account": "anna", "number": 1, "caption": "lake", "size": 7}

EVERY_TYPE = {
    "text": "grüße 🌊",
    "empty text": "",
    "number": Decimal(1),
    "fraction": Decimal("-0.000123"),
    "yes": True,
    "no": False,
    "nothing": None,
    "list": ["a", Decimal(1), ["b", None]],
    "map": {"inner": {"deep": [True]}, "empty": {}},
}


def test_an_item_is_returned_as_it_was_put(place: Place) -> None:
    place.put(PHOTO)
    assert place.get(1) == PHOTO


def test_an_absent_item_is_none(place: Place) -> None:
    assert place.get(1) is None


def test_every_attribute_type_round_trips(place: Place) -> None:
    place.put({"account": "anna", **EVERY_TYPE, "number": 1})
    result = place.get(1)
    assert result is not None
    assert result == {"account": "anna", **EVERY_TYPE, "number": 1}


def test_a_put_replaces_the_whole_item(place: Place) -> None:
    place.put(PHOTO)
    place.put({"account": "anna", "number": 1, "caption": "hill"})
    assert place.get(1) == {"account": "anna", "number": 1, "caption": "hill"}


def test_items_of_other_accounts_are_separate(place: Place) -> None:
    place.put(PHOTO)
    assert place.get(1, account="bert") is None


def test_a_deleted_item_is_gone(place: Place) -> None:
    place.put(PHOTO)
    place.delete(1)
    assert place.get(1) is None


def test_deleting_an_absent_item_succeeds(place: Place) -> None:
    place.delete(1)
    assert place.get(1) is None


def test_a_put_with_a_failed_condition_changes_nothing(place: Place) -> None:
    place.put(PHOTO)
    with refused("ConditionalCheckFailedException", "The conditional request failed"):
        place.put({**PHOTO, "caption": "hill"}, condition="attribute_not_exists(account)")
    assert place.get(1) == PHOTO


def test_a_delete_with_a_failed_condition_changes_nothing(place: Place) -> None:
    place.put(PHOTO)
    with refused("ConditionalCheckFailedException"):
        place.delete(1, condition="#size = :other", values={":other": 8}, names={"#size": "size"})
    assert place.get(1) == PHOTO


def test_a_key_of_another_type_is_refused(place: Place) -> None:
    with refused("ValidationException", "The provided key element does not match the schema"):
        place.client.get_item(TableName=place.table, Key=wire({"account": "anna", "number": "1"}))


def test_a_partial_key_is_refused(place: Place) -> None:
    with refused("ValidationException", "The provided key element does not match the schema"):
        place.client.get_item(TableName=place.table, Key=wire({"account": "anna"}))


def test_a_key_with_extra_attributes_is_refused(place: Place) -> None:
    with refused("ValidationException", "The provided key element does not match the schema"):
        place.client.get_item(TableName=place.table, Key={**key(1), "more": {"S": "x"}})


def test_an_item_without_its_key_is_refused(place: Place) -> None:
    with refused("ValidationException", "Missing the key number in the item"):
        place.put({"account": "anna"})


def test_an_item_with_a_key_of_another_type_is_refused(place: Place) -> None:
    with refused("ValidationException", "Type mismatch"):
        place.put({"account": "anna", "number": "1"})


def test_an_empty_key_is_refused(place: Place) -> None:
    with refused("ValidationException", "empty string value. Key: account"):
        place.put({"account": "", "number": 1})


def test_an_item_of_more_than_400_kilobytes_is_refused(place: Place) -> None:
    gap = 400 * 1024 - len("account" + "anna" + "number" + "caption") - 2
    place.put({"account": "anna", "number": 1, "caption": "x" * gap})
    with refused("ValidationException", "Item size has exceeded the maximum allowed size"):
        place.put({"account": "anna", "number": 1, "caption": "x" * (gap + 1)})


def test_a_partition_key_of_more_than_2048_bytes_is_refused(place: Place) -> None:
    place.put({"account": "a" * 2048, "number": 1})
    with refused("ValidationException", "2048 bytes"):
        place.put({"account": "a" * 2049, "number": 1})


def test_a_write_is_visible_immediately(place: Place) -> None:
    for number in range(20):
        place.put({"account": "anna", "number": number})
        assert place.get(number) is not None
