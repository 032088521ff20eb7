"""Transactions: all or nothing, a reason for each action, and each token once."""

from typing import Any

import pytest

from tests.local.tables.place import Place, key, refused, wire

PHOTO = {"account": "anna", "number": 1, "caption": "lake"}


def test_a_transaction_applies_every_action(place: Place) -> None:
    place.put(PHOTO)
    place.put({**PHOTO, "number": 2})
    place.put({**PHOTO, "number": 3})
    place.transact(
        {"Put": {"Item": wire({**PHOTO, "number": 4})}},
        {
            "Update": {
                "Key": key(2),
                "UpdateExpression": "SET caption = :v",
                "ExpressionAttributeValues": {":v": {"S": "hill"}},
            }
        },
        {"Delete": {"Key": key(3)}},
    )
    results = place.query("account = :a", values={":a": "anna"})["Items"]
    assert [(int(item["number"]), item["caption"]) for item in results] == [(1, "lake"), (2, "hill"), (4, "lake")]


def test_a_failed_transaction_changes_nothing(place: Place) -> None:
    place.put(PHOTO)
    with refused("TransactionCanceledException", "[None, ConditionalCheckFailed, None]") as response:
        place.transact(
            {"Put": {"Item": wire({**PHOTO, "number": 2})}},
            {"Delete": {"Key": key(1), "ConditionExpression": "attribute_not_exists(account)"}},
            {"Put": {"Item": wire({**PHOTO, "number": 3})}},
        )
    codes = [reason["Code"] for reason in response["CancellationReasons"]]
    assert codes == ["None", "ConditionalCheckFailed", "None"]
    assert response["CancellationReasons"][1]["Message"] == "The conditional request failed"
    assert place.numbers("account = :a", values={":a": "anna"}) == [1]


def test_every_failed_condition_is_reported(place: Place) -> None:
    check = {"ConditionExpression": "attribute_exists(account)"}
    with refused("TransactionCanceledException") as response:
        place.transact(*({"Delete": {"Key": key(number), **check}} for number in range(3)))
    assert [reason["Code"] for reason in response["CancellationReasons"]] == ["ConditionalCheckFailed"] * 3


def test_a_transaction_with_one_item_twice_is_refused(place: Place) -> None:
    with refused("ValidationException", "Transaction request cannot include multiple operations on one item"):
        place.transact({"Put": {"Item": wire(PHOTO)}}, {"Delete": {"Key": key(1)}})


def test_a_transaction_has_no_more_than_100_actions(place: Place) -> None:
    place.transact(*({"Put": {"Item": wire({**PHOTO, "number": number})}} for number in range(100)))
    with refused("ValidationException"):
        place.transact(*({"Put": {"Item": wire({**PHOTO, "number": number})}} for number in range(101)))


def test_a_token_works_once(place: Place) -> None:
    place.transact({"Put": {"Item": wire(PHOTO)}}, ClientRequestToken=f"{place.table}-once")
    place.delete(1)
    place.transact({"Put": {"Item": wire(PHOTO)}}, ClientRequestToken=f"{place.table}-once")
    assert place.get(1) is None


def test_a_token_with_another_request_is_refused(place: Place) -> None:
    place.transact({"Put": {"Item": wire(PHOTO)}}, ClientRequestToken=f"{place.table}-same")
    with refused("IdempotentParameterMismatchException"):
        place.transact({"Put": {"Item": wire({**PHOTO, "number": 2})}}, ClientRequestToken=f"{place.table}-same")
    assert place.get(2) is None


def test_a_token_of_a_failed_transaction_may_be_used_again(place: Place) -> None:
    put = {"Put": {"Item": wire({**PHOTO, "number": 2})}}
    check = {"Delete": {"Key": key(1), "ConditionExpression": "attribute_exists(account)"}}
    with refused("TransactionCanceledException"):
        place.transact(put, check, ClientRequestToken=f"{place.table}-again")
    place.put(PHOTO)
    place.transact(put, check, ClientRequestToken=f"{place.table}-again")
    assert place.get(2) is not None


REFUSED: dict[str, dict[str, Any]] = {
    "an unknown name": {"Delete": {"Key": key(1), "ConditionExpression": "attribute_exists(#x)"}},
    "half a key": {"Delete": {"Key": {"account": {"S": "anna"}}}},
    "a broken update": {"Update": {"Key": key(1), "UpdateExpression": "SET"}},
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_invalid_action_is_refused(place: Place, what: str) -> None:
    with refused("ValidationException"):
        place.transact({"Put": {"Item": wire({**PHOTO, "number": 2})}}, REFUSED[what])
    assert place.get(2) is None


def test_an_action_on_an_absent_table_is_refused(place: Place) -> None:
    with refused("ResourceNotFoundException"):
        Place(place.client, "absent-table").transact({"Put": {"Item": wire(PHOTO)}})
