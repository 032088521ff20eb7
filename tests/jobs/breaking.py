"""Parts that raise at one of their calls: of a pipeline, and of the AWS clients behind the stores."""

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from app.stores.aws_errors import ErrorClass

UNTOUCHED = {"renew", "check", "lease"}
"""The heartbeat's calls: their number depends on time."""


class Script:
    """Records the calls of a pipeline by name, and raises at the first call of the name `at`."""

    def __init__(self, at: str | None = None, *, after: bool = False) -> None:
        """`after`: raise once the call has taken effect."""
        self.calls: list[str] = []
        self._at, self._after = at, after

    def around(self, name: str, part: Any) -> Any:
        return _Part(self, name, part)

    def call(self, name: str, function: Callable[..., Any], /, *words: Any, **named: Any) -> Any:
        breaks = name == self._at and name not in self.calls
        self.calls.append(name)
        if breaks and not (self._after and inspect.iscoroutinefunction(function)):
            raise KeyError(name)
        result = function(*words, **named)
        return _then_raise(result, name) if breaks else result


async def _then_raise(work: Awaitable[Any], name: str) -> None:
    await work
    raise KeyError(name)


class _Part:
    def __init__(self, script: Script, name: str, part: Any) -> None:
        self._script, self._name, self._part = script, name, part

    def __getattr__(self, attribute: str) -> Any:
        attribute_value = getattr(self._part, attribute)
        if not callable(attribute_value) or attribute in UNTOUCHED:
            return attribute_value
        name = f"{self._name}.{attribute}"
        return lambda *words, **named: self._script.call(name, attribute_value, *words, **named)


def aws_error(error_class: ErrorClass) -> Exception:
    """Return an error as botocore raises it."""
    codes = {
        ErrorClass.SERVER_ERROR: ("InternalServerError", 500),
        ErrorClass.THROTTLED: ("ThrottlingException", 400),
        ErrorClass.ACCESS_DENIED: ("AccessDeniedException", 403),
        ErrorClass.MISSING_RESOURCE: ("ResourceNotFoundException", 404),
        ErrorClass.CONFLICT: ("OperationAborted", 409),
        ErrorClass.REJECTED: ("ValidationError", 400),
    }
    match error_class:
        case ErrorClass.UNREACHABLE:
            return EndpointConnectionError(endpoint_url="http://nowhere")
        case ErrorClass.CREDENTIALS:
            return NoCredentialsError()
        case _:
            code, status = codes[error_class]
            response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            return ClientError(response, "operation")  # type: ignore[arg-type]  # the fields that are read


class AwsFaults:
    """Errors that an operation raises: at each second call, so that calls in between succeed, or at each."""

    def __init__(self) -> None:
        self.operations: set[str] = set()
        self._unavailable: tuple[str, ErrorClass] | None = None
        self._operation, self._errors = "", deque[Exception | None]()

    def inject(self, operation: str, *classes: ErrorClass) -> None:
        self._operation = operation
        self._errors = deque(each for error_class in classes for each in (aws_error(error_class), None))

    def begin_outage(self, operation: str, error_class: ErrorClass) -> None:
        """Raise the error at each call of the operation until `end_outage`."""
        self._unavailable = (operation, error_class)

    def end_outage(self) -> None:
        self._unavailable = None

    @property
    def are_left(self) -> bool:
        return any(self._errors)

    def called(self, operation: str) -> None:
        self.operations.add(operation)
        if self._unavailable is not None and self._unavailable[0] == operation:
            raise aws_error(self._unavailable[1])
        if operation == self._operation and self._errors:
            error = self._errors.popleft()
            if error is not None:
                raise error


class FaultyClient:
    """A client of botocore whose operations raise what is injected."""

    def __init__(self, client: Any, faults: AwsFaults) -> None:
        self._client, self._faults = client, faults

    def __getattr__(self, name: str) -> Any:
        attribute_value = getattr(self._client, name)
        if name not in self._client.meta.method_to_api_mapping:  # botocore's methods are no coroutine functions
            return attribute_value

        async def call(*words: Any, **named: Any) -> Any:
            self._faults.called(name)
            return await attribute_value(*words, **named)

        return call
