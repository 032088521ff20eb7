"""The HTTP protocol itself, without an SDK."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.local.tables.place import Place, a_place, key, photos, refused, wire
from tests.signed import signed_headers


def test_a_response_is_json_1_0_with_a_request_id(place: Place) -> None:
    place.put({"account": "anna", "number": 1})
    status, headers, body = _call(place, "GetItem", {"TableName": place.table, "Key": key(1)})
    assert status == 200
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert headers["x-amzn-RequestId"]
    assert json.loads(body)["Item"] == key(1)


def test_a_request_without_credentials_is_refused(place: Place) -> None:
    status, _, body = _call(place, "Scan", {"TableName": place.table}, signed=False)
    assert (status >= 400, _kind(body)) == (True, "MissingAuthenticationTokenException")


def test_the_largest_transaction_is_stored_although_its_json_is_six_times_as_long(ours: Any) -> None:
    place = a_place(ours)
    items = [wire({"account": "anna", "number": number, "caption": "\x01" * 390_000}) for number in range(10)]
    place.transact(*({"Put": {"Item": item}} for item in items))
    assert place.holds("attribute_exists(caption)", 9)


def test_an_unknown_operation_is_refused(place: Place) -> None:
    status, _, body = _call(place, "MakeCoffee", {})
    assert (status, _kind(body)) == (400, "UnknownOperationException")


BODIES = {
    "nothing": b"",
    "half an object": b"{",
    "a list": b"[]",
    "a text": b'"text"',
    "no utf-8": b"\xff\xfe",
    "a number as name": b'{"TableName": 7}',
    "half a character": b'{"TableName": "\\ud800"}',
}


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_is_no_request_is_refused(place: Place, what: str) -> None:
    status, _, response = _call(place, "GetItem", BODIES[what])
    assert status == 400
    assert _kind(response) in ("SerializationException", "ValidationException")


def test_a_value_of_the_wrong_json_type_is_a_serialization_error(place: Place) -> None:
    key = {"account": {"S": 7}, "number": {"N": "1"}}
    status, _, body = _call(place, "GetItem", {"TableName": place.table, "Key": key})
    assert (status, _kind(body)) == (400, "SerializationException")


def test_an_unknown_type_of_attribute_is_refused(place: Place) -> None:
    key = {"account": {"X": "7"}, "number": {"N": "1"}}
    status, _, body = _call(place, "GetItem", {"TableName": place.table, "Key": key})
    assert (status, _kind(body)) == (400, "ValidationException")


def test_a_value_with_two_types_is_refused(place: Place) -> None:
    key = {"account": {"S": "7", "N": "7"}, "number": {"N": "1"}}
    status, _, body = _call(place, "GetItem", {"TableName": place.table, "Key": key})
    assert (status, _kind(body)) == (400, "ValidationException")


UNSUPPORTED: dict[str, dict[str, Any]] = {
    "query": {"FilterExpression": "caption = :v"},
    "scan": {"Segment": 0, "TotalSegments": 1},
    "get_item": {"Key": key(1), "ProjectionExpression": "caption"},
    "put_item": {"Item": key(1), "ReturnValues": "ALL_OLD"},
    "update_item": {"Key": key(1), "ReturnValuesOnConditionCheckFailure": "ALL_OLD"},
    "delete_item": {"Key": key(1), "Expected": {}},
    "batch_get_item": {"RequestItems": {"any-table": {"Keys": [key(1)], "ProjectionExpression": "caption"}}},
    "transact_write_items": {
        "TransactItems": [{"Delete": {"TableName": "any-table", "Key": key(1)}}],
        "ReturnConsumedCapacity": "TOTAL",
    },
    "create_table": {**photos("any-table"), "StreamSpecification": {"StreamEnabled": False}},
}


@pytest.mark.parametrize("call", UNSUPPORTED)
def test_a_parameter_that_darkroom_never_sends_is_refused_instead_of_ignored(ours: Any, call: str) -> None:
    table = a_place(ours).table
    names = {} if call in ("batch_get_item", "transact_write_items", "create_table") else {"TableName": table}
    requested = json.loads(json.dumps(UNSUPPORTED[call]).replace("any-table", table))
    with refused("ValidationException", "Not supported here"):
        getattr(ours, call)(**names, **requested)


def test_a_limit_of_zero_is_refused(place: Place) -> None:
    status, _, body = _call(place, "Scan", {"TableName": place.table, "Limit": 0})
    assert (status, _kind(body)) == (400, "ValidationException")


def test_deep_nesting_is_refused_without_harm(place: Place) -> None:
    status, _, _ = _call(place, "GetItem", b'{"a":' * 100_000)
    assert status == 400
    assert _call(place, "Scan", {"TableName": place.table})[0] == 200


def _call(place: Place, operation: str, body: bytes | dict[str, Any], *, signed: bool = True) -> tuple[int, Any, bytes]:
    url, content = place.client.meta.endpoint_url, body if isinstance(body, bytes) else json.dumps(body).encode()
    own = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
    if signed:
        own = signed_headers("POST", f"{url}/", content, "dynamodb", own)
    request = urllib.request.Request(f"{url}/", content, own)  # noqa: S310  # a local address
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # a local address
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def _kind(body: bytes) -> str:
    return str(json.loads(body)["__type"]).rpartition("#")[2]
