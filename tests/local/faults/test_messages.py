"""SQS delivers messages twice, late and out of order as the plan requests."""

from typing import Any

from tests.local.faults.conftest import Backend, a_client


def a_queue(queues: Backend, name: str) -> tuple[Any, str]:
    client = a_client("sqs", queues.endpoint)
    return client, client.create_queue(QueueName=name)["QueueUrl"]


def receive(client: Any, url: str, count: int) -> list[dict[str, Any]]:
    """Receive `count` messages in the order of delivery."""
    messages: list[dict[str, Any]] = []
    while len(messages) < count:
        messages += client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
    return messages


def test_a_message_in_flight_is_delivered_again_and_both_receipts_are_valid(queues: Backend) -> None:
    client, url = a_queue(queues, "twice")
    queues.plan({"operation": "ReceiveMessage", "fault": "duplicate", "seconds": 0.05})
    client.send_message(QueueUrl=url, MessageBody="photo")
    first, second = receive(client, url, 2)
    assert first["MessageId"] == second["MessageId"]
    assert first["Body"] == second["Body"] == "photo"
    for message in (first, second):
        client.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=30)
    for message in (first, second, second):
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in client.receive_message(QueueUrl=url)
    assert queues.injected() == [1]


def test_a_delayed_message_reaches_a_waiting_poll(queues: Backend) -> None:
    client, url = a_queue(queues, "late")
    queues.plan({"operation": "ReceiveMessage", "fault": "delay", "seconds": 0.3, "times": 1})
    client.send_message(QueueUrl=url, MessageBody="photo")
    assert "Messages" not in client.receive_message(QueueUrl=url)
    assert receive(client, url, 1)[0]["Body"] == "photo"


def test_messages_are_reordered_and_each_is_delivered(queues: Backend) -> None:
    client, url = a_queue(queues, "mixed")
    sent = [str(number) for number in range(20)]
    for body in sent:
        client.send_message(QueueUrl=url, MessageBody=body)
    queues.plan({"operation": "ReceiveMessage", "fault": "reorder", "seconds": 0.2}, seed=3)
    received = [message["Body"] for message in receive(client, url, len(sent))]
    assert received != sent
    assert sorted(received, key=int) == sent
