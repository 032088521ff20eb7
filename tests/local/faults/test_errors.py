"""boto3 reports each injected fault as it reports the same fault of AWS."""

from typing import Any

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from tests.local.faults.conftest import Backend, a_client

KEY = {"pk": {"S": "a"}, "sk": {"S": "a"}}


def a_table(tables: Backend, name: str) -> Any:
    client = a_client("dynamodb", tables.endpoint)
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in KEY],
    )
    return client


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = failure.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("throttle", (400, "ProvisionedThroughputExceededException")),
        ("conflict", (400, "TransactionConflictException")),
        ("internal_error", (500, "InternalServerError")),
        ("unavailable", (503, "ServiceUnavailable")),
        ("kms_throttle", (400, "ThrottlingException")),
        ("over_limit", (400, "LimitExceededException")),
        ("expired_credentials", (400, "ExpiredTokenException")),
    ],
)
def test_dynamodb_faults_have_dynamodbs_error_codes(tables: Backend, fault: str, expected: tuple[int, str]) -> None:
    client = a_table(tables, f"errors-{fault}")
    tables.plan({"operation": "PutItem", "fault": fault})
    with pytest.raises(ClientError) as failure:
        client.put_item(TableName=f"errors-{fault}", Item=KEY)
    assert code_of(failure) == expected
    assert "Item" not in client.get_item(TableName=f"errors-{fault}", Key=KEY)
    assert tables.injected() == [1]


def test_a_batch_is_processed_in_part(tables: Backend) -> None:
    client = a_table(tables, "batches")
    rows = [{"pk": {"S": key}, "sk": {"S": key}} for key in "abcde"]
    tables.plan(
        {"operation": "BatchWriteItem", "fault": "unprocessed", "times": 1},
        {"operation": "BatchGetItem", "fault": "unprocessed", "times": 1},
    )
    for row in rows:
        client.put_item(TableName="batches", Item=row)
    response = client.batch_get_item(RequestItems={"batches": {"Keys": rows, "ConsistentRead": True}})
    assert len(response["Responses"]["batches"]) == 3
    assert response["UnprocessedKeys"] == {"batches": {"Keys": rows[3:], "ConsistentRead": True}}
    deletions = {"batches": [{"DeleteRequest": {"Key": row}} for row in rows]}
    rest = client.batch_write_item(RequestItems=deletions)["UnprocessedItems"]
    assert rest == {"batches": deletions["batches"][3:]}
    assert client.batch_write_item(RequestItems=rest)["UnprocessedItems"] == {}


def test_a_transaction_in_conflict_is_cancelled_with_a_reason_for_each_action(tables: Backend) -> None:
    client = a_table(tables, "conflicts")
    tables.plan({"operation": "TransactWriteItems", "fault": "conflict"})
    puts = [{"Put": {"TableName": "conflicts", "Item": {**KEY, "pk": {"S": key}}}} for key in "abc"]
    with pytest.raises(client.exceptions.TransactionCanceledException) as failure:
        client.transact_write_items(TransactItems=puts)
    reasons = [reason["Code"] for reason in failure.value.response["CancellationReasons"]]
    assert reasons == ["TransactionConflict", "None", "None"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("throttle", (503, "SlowDown")),
        ("internal_error", (500, "InternalError")),
        ("unavailable", (503, "ServiceUnavailable")),
        ("kms_throttle", (400, "KMS.ThrottlingException")),
        ("expired_credentials", (400, "ExpiredToken")),
        ("access_denied", (403, "AccessDenied")),
    ],
)
def test_s3_faults_have_s3s_error_codes(objects: Backend, fault: str, expected: tuple[int, str]) -> None:
    client = a_client("s3", objects.endpoint)
    client.create_bucket(Bucket=f"errors-{fault.replace('_', '-')}")
    objects.plan({"operation": "PutObject", "fault": fault})
    with pytest.raises(ClientError) as failure:
        client.put_object(Bucket=f"errors-{fault.replace('_', '-')}", Key="folder/photo", Body=b"x" * 200_000)
    assert code_of(failure) == expected
    assert objects.injected() == [1]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("throttle", "RequestThrottled"),
        ("internal_error", "InternalFailure"),
        ("unavailable", "ServiceUnavailable"),
        ("kms_throttle", "KmsThrottled"),
        ("over_limit", "OverLimit"),
    ],
)
def test_sqs_faults_have_sqss_error_codes(queues: Backend, fault: str, expected: str) -> None:
    client = a_client("sqs", queues.endpoint)
    url = client.create_queue(QueueName="errors")["QueueUrl"]
    queues.plan({"operation": "SendMessage", "fault": fault})
    with pytest.raises(ClientError) as failure:
        client.send_message(QueueUrl=url, MessageBody="x")
    assert code_of(failure)[1] == expected
    assert queues.injected() == [1]


def test_sns_faults_have_snss_error_codes(queues: Backend) -> None:
    client = a_client("sns", queues.endpoint)
    topic = client.create_topic(Name="errors")["TopicArn"]
    queues.plan({"operation": "Publish", "fault": "throttle"})
    with pytest.raises(ClientError) as failure:
        client.publish(TopicArn=topic, Message="x")
    assert code_of(failure) == (400, "Throttling")


def test_botocore_retries_injected_errors_until_it_succeeds(tables: Backend) -> None:
    a_table(tables, "retried")
    retrying = Config(retries={"mode": "standard", "total_max_attempts": 3})
    client = a_client("dynamodb", tables.endpoint, retrying)
    tables.plan(
        {"operation": "PutItem", "fault": "throttle", "times": 1},
        {"operation": "PutItem", "fault": "reset", "times": 1},
    )
    client.put_item(TableName="retried", Item=KEY)
    assert tables.injected() == [1, 1]
    assert client.get_item(TableName="retried", Key=KEY)["Item"] == KEY


def test_a_request_with_a_dropped_response_takes_effect(tables: Backend, objects: Backend, queues: Backend) -> None:
    dynamodb = a_table(tables, "lost")
    tables.plan({"operation": "PutItem", "fault": "drop_response"})
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        dynamodb.put_item(TableName="lost", Item=KEY)
    assert dynamodb.get_item(TableName="lost", Key=KEY)["Item"] == KEY

    s3 = a_client("s3", objects.endpoint)
    s3.create_bucket(Bucket="lost")
    objects.plan({"operation": "PutObject", "fault": "drop_response"})
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        s3.put_object(Bucket="lost", Key="photo", Body=b"bytes")
    assert s3.get_object(Bucket="lost", Key="photo")["Body"].read() == b"bytes"

    sqs = a_client("sqs", queues.endpoint)
    url = sqs.create_queue(QueueName="lost")["QueueUrl"]
    queues.plan({"operation": "SendMessage", "fault": "drop_response"})
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        sqs.send_message(QueueUrl=url, MessageBody="arrived")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "arrived"


def test_a_connection_reset_before_processing_has_no_effect(tables: Backend) -> None:
    client = a_table(tables, "reset")
    tables.plan({"operation": "PutItem", "fault": "reset"})
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        client.put_item(TableName="reset", Item=KEY)
    assert "Item" not in client.get_item(TableName="reset", Key=KEY)


def test_the_same_seed_gives_the_same_faults(tables: Backend) -> None:
    client = a_table(tables, "seeded")

    def outcomes(seed: int) -> list[bool]:
        tables.plan({"operation": "Get*", "fault": "throttle", "rate": 0.5}, seed=seed)
        return [succeeds() for _ in range(30)]

    def succeeds() -> bool:
        try:
            client.get_item(TableName="seeded", Key=KEY)
        except client.exceptions.ProvisionedThroughputExceededException:
            return False
        return True

    first = outcomes(seed=1)
    assert outcomes(seed=1) == first
    assert outcomes(seed=2) != first
    assert True in first
    assert False in first


def test_an_invalid_plan_is_refused_and_changes_nothing(tables: Backend) -> None:
    tables.plan({"operation": "NoSuch", "fault": "throttle", "rate": 0.5})
    for wrong in ('{"rules": [{"operation": "X", "fault": "no such"}]}', "{}", "[", '{"rules": [], "sed": 1}'):
        assert tables.control("PUT", wrong.encode()).status_code == 400
    assert tables.injected() == [0]


def test_an_unsigned_plan_is_refused(tables: Backend, objects: Backend, queues: Backend) -> None:
    for backend in (tables, objects, queues):
        refused = httpx.put(f"{backend.endpoint}/__faults", json={"rules": []}, timeout=60)
        assert refused.status_code == 403


def test_health_checks_are_exempt_from_faults(tables: Backend) -> None:
    tables.plan({"operation": "*", "fault": "reset"})
    assert httpx.get(f"{tables.endpoint}/readyz", timeout=60).status_code == 200
    assert tables.injected() == [0]
