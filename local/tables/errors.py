"""Every way in which a request is refused, in the shape in which DynamoDB tells it."""

from collections.abc import Mapping, Sequence
from typing import Any

SERVICE_NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
VALIDATION_NAMESPACE = "com.amazon.coral.validate#"
PROTOCOL_NAMESPACE = "com.amazon.coral.service#"


class TablesError(Exception):
    """A request that was understood and refused; nothing of it was written."""

    status = 400
    namespace = SERVICE_NAMESPACE

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def body(self) -> dict[str, Any]:
        """The JSON document that the caller gets."""
        return {"__type": f"{self.namespace}{type(self).__name__}", "message": self.message}


class ValidationException(TablesError):
    """The request makes no sense, whatever the tables hold."""

    namespace = VALIDATION_NAMESPACE


class SerializationException(TablesError):
    """The body is no JSON, or a parameter has another JSON type than the protocol says."""

    namespace = PROTOCOL_NAMESPACE


class UnknownOperationException(TablesError):
    """The target header names no operation that is spoken here."""

    namespace = PROTOCOL_NAMESPACE


class MissingAuthenticationTokenException(TablesError):
    """The request carries no Authorization header."""

    namespace = PROTOCOL_NAMESPACE


class RequestEntityTooLargeException(TablesError):
    """The body is longer than any legal request."""

    status = 413
    namespace = PROTOCOL_NAMESPACE


class InternalServerError(TablesError):
    """Storage failed; the request may be tried again."""

    status = 500


class ResourceNotFoundException(TablesError):
    """The table does not exist."""

    def __init__(self, message: str = "Requested resource not found") -> None:
        super().__init__(message)


class ResourceInUseException(TablesError):
    """A table of that name exists already."""


class ConditionalCheckFailedException(TablesError):
    """The condition did not hold."""


class IdempotentParameterMismatchException(TablesError):
    """The same ClientRequestToken came with another request within ten minutes."""


class TransactionCanceledException(TablesError):
    """A transaction was refused as a whole; `reasons` has one entry for each action, in order."""

    def __init__(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        codes = ", ".join(str(reason["Code"]) for reason in reasons)
        super().__init__(f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]")
        self.reasons = reasons

    def body(self) -> dict[str, Any]:
        """This one spells `Message` with a capital, as DynamoDB does."""
        return {
            "__type": f"{self.namespace}{type(self).__name__}",
            "Message": self.message,
            "CancellationReasons": list(self.reasons),
        }
