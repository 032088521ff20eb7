"""Every error of a request, in DynamoDB's format."""

from collections.abc import Mapping, Sequence
from typing import Any

SERVICE_NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
VALIDATION_NAMESPACE = "com.amazon.coral.validate#"
PROTOCOL_NAMESPACE = "com.amazon.coral.service#"


class TablesError(Exception):
    """A request that was parsed and refused; nothing was written."""

    status = 400
    namespace = SERVICE_NAMESPACE

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def body(self) -> dict[str, Any]:
        """Return the JSON document of the response."""
        return {"__type": f"{self.namespace}{type(self).__name__}", "message": self.message}


class ValidationException(TablesError):
    """The request is invalid, whatever the tables contain."""

    namespace = VALIDATION_NAMESPACE


class SerializationException(TablesError):
    """The body is not JSON, or a parameter has the wrong JSON type."""

    namespace = PROTOCOL_NAMESPACE


class UnknownOperationException(TablesError):
    """The target header names an operation that is not implemented here."""

    namespace = PROTOCOL_NAMESPACE


class InternalServerError(TablesError):
    """The storage failed; the request can be retried."""

    status = 500


class ResourceNotFoundException(TablesError):
    """The table does not exist."""

    def __init__(self, message: str = "Requested resource not found") -> None:
        super().__init__(message)


class ResourceInUseException(TablesError):
    """A table of that name already exists."""


class ConditionalCheckFailedException(TablesError):
    """The condition did not hold."""


class IdempotentParameterMismatchException(TablesError):
    """The same ClientRequestToken was used for another request within ten minutes."""


class TransactionCanceledException(TablesError):
    """A transaction was refused as a whole; `reasons` has one entry for each action, in order."""

    def __init__(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        codes = ", ".join(str(reason["Code"]) for reason in reasons)
        super().__init__(f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]")
        self.reasons = reasons

    def body(self) -> dict[str, Any]:
        """Return the document with a capital `Message`, which DynamoDB uses only here."""
        return {
            "__type": f"{self.namespace}{type(self).__name__}",
            "Message": self.message,
            "CancellationReasons": list(self.reasons),
        }
