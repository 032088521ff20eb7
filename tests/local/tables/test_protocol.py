"""The protocol itself, below any SDK."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.local.tables.place import Place
from tests.signed import signed_headers


def test_an_answer_is_json_1_0_with_an_id_of_the_request(place: Place) -> None:
    status, headers, body = _call(place, "ListTables", {})
    assert status == 200
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert headers["x-amzn-RequestId"]
    assert place.table in json.loads(body)["TableNames"]


def test_a_request_without_credentials_is_refused(place: Place) -> None:
    status, _, body = _call(place, "ListTables", {}, signed=False)
    assert (status >= 400, _kind(body)) == (True, "MissingAuthenticationTokenException")


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
    status, _, answer = _call(place, "GetItem", BODIES[what])
    assert status == 400
    assert _kind(answer) in ("SerializationException", "ValidationException")


def test_a_value_of_the_wrong_json_type_is_a_serialization_error(place: Place) -> None:
    key = {"account": {"S": 7}, "number": {"N": "1"}}
    status, _, body = _call(place, "GetItem", {"TableName": place.table, "Key": key})
    assert (status, _kind(body)) == (400, "SerializationException")


def test_an_unknown_type_of_attribute_is_refused(place: Place) -> None:
    key = {"account": {"X": "7"}, "number": {"N": "1"}}
    status, _, body = _call(place, "GetItem", {"TableName": place.table, "Key": key})
    assert (status, _kind(body)) == (400, "ValidationException")


def test_two_types_in_one_value_are_refused(place: Place) -> None:
    key = {"account": {"S": "7", "N": "7"}, "number": {"N": "1"}}
    status, _, body = _call(place, "GetItem", {"TableName": place.table, "Key": key})
    assert (status, _kind(body)) == (400, "ValidationException")


def test_a_limit_of_nothing_is_refused(place: Place) -> None:
    status, _, body = _call(place, "Scan", {"TableName": place.table, "Limit": 0})
    assert (status, _kind(body)) == (400, "ValidationException")


def test_deep_nesting_is_refused_and_hurts_nobody(place: Place) -> None:
    status, _, _ = _call(place, "GetItem", b'{"a":' * 100_000)
    assert status == 400
    assert _call(place, "ListTables", {})[0] == 200


def _call(place: Place, operation: str, body: bytes | dict[str, Any], *, signed: bool = True) -> tuple[int, Any, bytes]:
    url, content = place.client.meta.endpoint_url, body if isinstance(body, bytes) else json.dumps(body).encode()
    own = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
    if signed:
        own = signed_headers("POST", f"{url}/", content, "dynamodb", own)
    request = urllib.request.Request(f"{url}/", content, own)  # noqa: S310  # an address of ours
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # an address of ours
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def _kind(body: bytes) -> str:
    return str(json.loads(body)["__type"]).rpartition("#")[2]
