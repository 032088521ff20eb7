"""AWS clients behind the stores that raise what a test injects, with the codes that each service really sends."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from app.stores.aws_errors import ErrorClass
from app.stores.dynamo import CONFLICT_ATTEMPTS, THROTTLED_ATTEMPTS

CODES: Mapping[str, Mapping[ErrorClass, tuple[str, int]]] = {
    "dynamodb": {
        ErrorClass.SERVER_ERROR: ("InternalServerError", 500),
        ErrorClass.THROTTLED: ("ProvisionedThroughputExceededException", 400),
        ErrorClass.ACCESS_DENIED: ("AccessDeniedException", 400),
        ErrorClass.MISSING_RESOURCE: ("ResourceNotFoundException", 400),
        ErrorClass.CONFLICT: ("TransactionConflictException", 400),
        ErrorClass.REJECTED: ("ValidationException", 400),
    },
    "s3": {
        ErrorClass.SERVER_ERROR: ("InternalError", 500),
        ErrorClass.THROTTLED: ("SlowDown", 503),
        ErrorClass.ACCESS_DENIED: ("KMS.DisabledException", 400),
        ErrorClass.MISSING_RESOURCE: ("NoSuchBucket", 404),
        ErrorClass.CONFLICT: ("OperationAborted", 409),
        ErrorClass.REJECTED: ("InvalidArgument", 400),
    },
    "sqs": {
        ErrorClass.SERVER_ERROR: ("InternalFailure", 500),
        ErrorClass.THROTTLED: ("RequestThrottled", 400),
        ErrorClass.ACCESS_DENIED: ("AccessDeniedException", 400),
        ErrorClass.MISSING_RESOURCE: ("AWS.SimpleQueueService.NonExistentQueue", 400),
        ErrorClass.CONFLICT: ("AWS.SimpleQueueService.PurgeQueueInProgress", 403),
        ErrorClass.REJECTED: ("InvalidMessageContents", 400),
    },
    "sns": {
        ErrorClass.SERVER_ERROR: ("InternalError", 500),
        ErrorClass.THROTTLED: ("Throttling", 400),
        ErrorClass.ACCESS_DENIED: ("AuthorizationError", 403),
        ErrorClass.MISSING_RESOURCE: ("NotFound", 404),
        ErrorClass.CONFLICT: ("ConcurrentAccess", 400),
        ErrorClass.REJECTED: ("InvalidParameter", 400),
    },
}
_TRANSACTION = "transact_write_items"
_REASONS = {ErrorClass.THROTTLED: "ThrottlingError", ErrorClass.CONFLICT: "TransactionConflict"}
"""Why DynamoDB cancels a transaction; other errors have the codes of single calls."""
_WRITES = {"put_item", "update_item", "delete_item"}
ALL_WRITES = frozenset({*_WRITES, _TRANSACTION})
"""An outage of writes affects all of them."""


def aws_error(service: str, operation: str, error_class: ErrorClass) -> Exception:
    """Return an error as botocore raises it."""
    match error_class:
        case ErrorClass.UNREACHABLE:
            return EndpointConnectionError(endpoint_url="http://nowhere")
        case ErrorClass.CREDENTIALS:
            return NoCredentialsError()
    code, status = CODES[service][error_class]
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if operation == _TRANSACTION and (reason := _REASONS.get(error_class)):
        response["Error"]["Code"] = "TransactionCanceledException"
        response["CancellationReasons"] = [{"Code": "None"}, {"Code": reason}]
    return ClientError(response, operation)


def _errors_until_counted(operation: str, error_class: ErrorClass) -> int:
    """Return how many errors in a row the store needs before it counts one: it retries some itself."""
    match operation, error_class:
        case str() as write, ErrorClass.CONFLICT if write in _WRITES:
            return CONFLICT_ATTEMPTS
        case str() as transaction, ErrorClass.THROTTLED if transaction == _TRANSACTION:
            return THROTTLED_ATTEMPTS
    return 1


class AwsFaults:
    """Errors that an operation raises: at some of its calls, or at each."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        """The operation of each call so far."""
        self._unavailable: dict[str, ErrorClass] = {}
        self._operation, self._classes = "", deque[ErrorClass | None]()

    @property
    def operations(self) -> set[str]:
        return set(self.calls)

    def inject(self, operation: str, *classes: ErrorClass, after_calls: int = 0) -> None:
        """Let the operation fail with each class once, with a call that succeeds after each.

        The first `after_calls` calls succeed.
        """
        self._operation = operation
        self._classes = deque([None] * after_calls)
        for error_class in classes:
            self._classes += [error_class] * _errors_until_counted(operation, error_class) + [None]

    def begin_outage(self, operation: str, error_class: ErrorClass) -> None:
        """Raise the error at each call of the operation until `end_outage`."""
        self._unavailable[operation] = error_class

    def end_outage(self) -> None:
        self._unavailable.clear()

    @property
    def are_left(self) -> bool:
        return any(self._classes)

    def called(self, service: str, operation: str) -> None:
        self.calls.append(operation)
        error_class = self._next_class(operation)
        if error_class is not None:
            raise aws_error(service, operation, error_class)

    def _next_class(self, operation: str) -> ErrorClass | None:
        if operation in self._unavailable:
            return self._unavailable[operation]
        return self._classes.popleft() if operation == self._operation and self._classes else None


class FaultyClient:
    """A client of botocore whose operations raise what is injected."""

    def __init__(self, client: Any, faults: AwsFaults) -> None:
        self._client, self._faults = client, faults

    def __getattr__(self, name: str) -> Any:
        attribute_value = getattr(self._client, name)
        if name not in self._client.meta.method_to_api_mapping:  # botocore's methods are not coroutine functions
            return attribute_value

        async def call(*words: Any, **named: Any) -> Any:
            self._faults.called(self._client.meta.service_model.service_name, name)
            return await attribute_value(*words, **named)

        return call
