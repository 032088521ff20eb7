"""Only requests that are signed with our credential, as a whole and just now, count as ours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.signatures import MAX_SKEW, NotSigned, Verifier
from tests.servers import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.signed import signed_headers

URL, BODY = "http://127.0.0.1:8000/", b'{"TableName": "items"}'
TARGET = {"X-Amz-Target": "DynamoDB_20120810.DeleteTable"}


def a_request(service: str = "dynamodb", **changes: Any) -> tuple[dict[str, Any], bytes]:
    """An ASGI scope and its body, signed before the `changes`: `method`, `body`, `query`, or headers by their names."""
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
    verifier.require_signed(verifier.read_claim(request[0]), *request)


def test_a_request_of_botocores_is_ours() -> None:
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
def test_a_changed_request_is_not_ours(changes: dict[str, Any]) -> None:
    with pytest.raises(NotSigned):
        verify(a_request(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"access_key_id": "another"}, {"secret_access_key": "another"}, {"services": frozenset({"sqs"})}],
    ids=str,
)
def test_another_credential_or_service_does_not_count(changes: dict[str, Any]) -> None:
    with pytest.raises(NotSigned):
        verify(a_request(), **changes)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_signature_counts_for_five_minutes(direction: int) -> None:
    for skew, counts in ((MAX_SKEW - timedelta(seconds=30), True), (MAX_SKEW + timedelta(seconds=30), False)):
        now = datetime.now(UTC) + direction * skew
        if counts:
            verify(a_request(), clock=lambda now=now: now)
        else:
            with pytest.raises(NotSigned):
                verify(a_request(), clock=lambda now=now: now)
