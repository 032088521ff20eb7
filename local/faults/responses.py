"""The error responses of AWS in the format of each protocol."""

import json
from typing import assert_never
from xml.sax.saxutils import escape

from darkroom_process.asgi_types import Send
from local.faults.operations import Operation, Protocol
from local.faults.plan import Fault

DYNAMODB_TYPE = "com.amazonaws.dynamodb.v20120810#"
SQS_TYPE = "com.amazonaws.sqs#"
REQUEST_ID = "00000000-0000-0000-0000-00000000fa17"

# status and code of each fault: DynamoDB, SQS, query (SNS) and S3, from the services' own lists of errors
ERRORS: dict[Fault, dict[Protocol, tuple[int, str]]] = {
    Fault.THROTTLE: {
        Protocol.DYNAMODB: (400, "ProvisionedThroughputExceededException"),
        Protocol.SQS: (400, "RequestThrottled"),
        Protocol.QUERY: (400, "Throttling"),
        Protocol.S3: (503, "SlowDown"),
    },
    Fault.CONFLICT: {
        Protocol.DYNAMODB: (400, "TransactionConflictException"),
        Protocol.SQS: (500, "InternalFailure"),
        Protocol.QUERY: (500, "InternalFailure"),
        Protocol.S3: (409, "OperationAborted"),
    },
    Fault.INTERNAL_ERROR: {
        Protocol.DYNAMODB: (500, "InternalServerError"),
        Protocol.SQS: (500, "InternalFailure"),
        Protocol.QUERY: (500, "InternalFailure"),
        Protocol.S3: (500, "InternalError"),
    },
    Fault.UNAVAILABLE: {
        Protocol.DYNAMODB: (503, "ServiceUnavailable"),
        Protocol.SQS: (503, "ServiceUnavailable"),
        Protocol.QUERY: (503, "ServiceUnavailable"),
        Protocol.S3: (503, "ServiceUnavailable"),
    },
    Fault.EXPIRED_CREDENTIALS: {
        Protocol.DYNAMODB: (400, "ExpiredTokenException"),
        Protocol.SQS: (403, "ExpiredToken"),
        Protocol.QUERY: (403, "ExpiredToken"),
        Protocol.S3: (400, "ExpiredToken"),
    },
    Fault.KMS_THROTTLE: {
        Protocol.DYNAMODB: (400, "ThrottlingException"),
        Protocol.SQS: (400, "KmsThrottled"),
        Protocol.QUERY: (400, "KMSThrottling"),
        Protocol.S3: (400, "KMS.ThrottlingException"),
    },
    Fault.OVER_LIMIT: {
        Protocol.DYNAMODB: (400, "LimitExceededException"),
        Protocol.SQS: (403, "OverLimit"),
        Protocol.QUERY: (403, "TopicLimitExceeded"),
        Protocol.S3: (503, "SlowDown"),
    },
    Fault.ACCESS_DENIED: {
        Protocol.DYNAMODB: (400, "AccessDeniedException"),
        Protocol.SQS: (403, "AccessDenied"),
        Protocol.QUERY: (403, "AuthorizationError"),
        Protocol.S3: (403, "AccessDenied"),
    },
    Fault.MISSING_RESOURCE: {
        Protocol.DYNAMODB: (400, "ResourceNotFoundException"),
        Protocol.SQS: (400, "QueueDoesNotExist"),
        Protocol.QUERY: (404, "NotFound"),
        Protocol.S3: (404, "NoSuchBucket"),
    },
    Fault.MALFORMED: {
        Protocol.DYNAMODB: (400, "ValidationException"),
        Protocol.SQS: (400, "InvalidMessageContents"),
        Protocol.QUERY: (400, "InvalidParameter"),
        Protocol.S3: (400, "InvalidArgument"),
    },
}


async def send_error(send: Send, operation: Operation, fault: Fault, body: bytes) -> None:
    """Send the fault's error. `body` is the request's: a transaction's response has one reason for each of its
    actions.
    """
    status, code = ERRORS[fault][operation.protocol]
    message = f"Injected on purpose: {fault.value}"
    match operation.protocol:
        case Protocol.DYNAMODB:
            document: dict[str, object] = {"__type": DYNAMODB_TYPE + code, "message": message}
            if fault is Fault.CONFLICT and operation.name.startswith("Transact"):
                document = _cancelled(body)
            await _respond(send, status, json.dumps(document), "application/x-amz-json-1.0")
        case Protocol.SQS:
            document = {"__type": SQS_TYPE + code, "message": message}
            await _respond(send, status, json.dumps(document), "application/x-amz-json-1.0")
        case Protocol.QUERY:
            sender = "Sender" if status < 500 else "Receiver"
            error = f"<Error><Type>{sender}</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            xml = f"<ErrorResponse>{error}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
            await _respond(send, status, xml, "text/xml")
        case Protocol.S3:
            error = f"<Code>{code}</Code><Message>{escape(message)}</Message><RequestId>{REQUEST_ID}</RequestId>"
            xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{error}</Error>'
            await _respond(send, status, xml, "application/xml")
        case _ as never:
            assert_never(never)


def _cancelled(body: bytes) -> dict[str, object]:
    """Return a cancelled transaction: the first action has the conflict, the others no reason."""
    count = len(json.loads(body).get("TransactItems", ()))
    conflict = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    reasons = [conflict, *({"Code": "None"} for _ in range(count - 1))]
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return {
        "__type": DYNAMODB_TYPE + "TransactionCanceledException",
        "message": message,
        "Message": message,
        "CancellationReasons": reasons,
    }


async def _respond(send: Send, status: int, text: str, content_type: str) -> None:
    """Send the response and close the connection, because the request's body may not have been read."""
    body = text.encode()
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", REQUEST_ID.encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
