"""The stand-ins accept only complete requests that were signed with our credential within the last five minutes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.signatures import MAX_SKEW, NotSigned, Verifier
from tests.servers import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.signed import signed_headers

URL, BODY = "http://127.0.0.1:8000/", b'{"TableName": "items"}'
TARGET = {"X-Amz-Target": "DynamoDB_20120810.DeleteTable"}


def a_request(service: str = "dynamodb", **changes: Any) -> tuple[dict[str, Any], bytes]:
    """Return an ASGI scope and its body, signed before `changes` apply: `method`, `body`, `query`, or headers by
    name."""
    headers = {"Host": "127.0.0.1:8000"} | signed_headers("POST", URL, BODY, service, TARGET)
    body = changes.pop("body", BODY)
    scope: dict[str, Any] = {"type": "http", "method": changes.pop("method", "POST"), "raw_path": b"/"}
    scope["query_string"] = changes.pop("query", b"")
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return scope, body


def verify(request: tuple[dict[str, Any], bytes], **changes: Any) -> None:
    options: dict[str, Any] = {
        "access_key_id": ACCESS_KEY_ID,
        "secret_access_key": SECRET_ACCESS_KEY,
        "services": frozenset({"dynamodb"}),
    }
    verifier = Verifier(**(options | changes))
    verifier.require_signed(verifier.read_signature(request[0]), *request)


def test_a_request_signed_by_botocore_is_accepted() -> None:
    verify(a_request())


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY + b" "},
        {"method": "GET"},
        {"query": b"Action=DeleteQueue"},
        {"Host": "rebound.example.org:8000"},
        {"X_Amz_Target": "DynamoDB_20120810.ListTables"},
        {"X_Amz_Unsigned": "x"},
        {"X_Amz_Date": "20200101T000000Z"},
        {"X_Amz_Date": "yesterday"},
        {"Authorization": ""},
        {"Authorization": "Bearer x"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=x"},
    ],
    ids=str,
)
def test_a_request_changed_after_signing_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotSigned):
        verify(a_request(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"access_key_id": "another"}, {"secret_access_key": "another"}, {"services": frozenset({"sqs"})}],
    ids=str,
)
def test_another_credential_or_service_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotSigned):
        verify(a_request(), **changes)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_signature_is_valid_for_five_minutes(direction: int) -> None:
    for skew, counts in ((MAX_SKEW - timedelta(seconds=30), True), (MAX_SKEW + timedelta(seconds=30), False)):
        now = datetime.now(UTC) + direction * skew
        if counts:
            verify(a_request(), clock=lambda now=now: now)
        else:
            with pytest.raises(NotSigned):
                verify(a_request(), clock=lambda now=now: now)
