"""Classification of AWS errors by HTTP status and family of codes, never by a list of every code."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from darkroom_shared.problems import Problem, Unavailable
from darkroom_shared.times import Clock, utc_now


class ErrorClass(StrEnum):
    """All but `REJECTED` may pass without a change of our code, so the work is only postponed."""

    UNREACHABLE = "unreachable"
    SERVER_ERROR = "server_error"
    THROTTLED = "throttled"
    CREDENTIALS = "credentials"
    ACCESS_DENIED = "access_denied"
    MISSING_RESOURCE = "missing_resource"
    CONFLICT = "conflict"
    REJECTED = "rejected"


RETRY_AFTER_SECONDS: Mapping[ErrorClass, int] = {
    ErrorClass.CREDENTIALS: 5,
    ErrorClass.ACCESS_DENIED: 5,
    ErrorClass.MISSING_RESOURCE: 5,
}
"""What a person or a role must repair takes longer than what passes by itself (1 s)."""

_DATA_LIMIT = "ItemCollectionSizeLimitExceeded"
"""Named like throttling, but waiting does not help: the account holds 10 GB of rows."""
_CLASSES: tuple[tuple[ErrorClass, tuple[str, ...]], ...] = (
    (
        ErrorClass.THROTTLED,
        ("throttl", "throughputexceeded", "limitexceeded", "toomanyrequests", "slowdown", "overlimit"),
    ),
    (
        ErrorClass.CREDENTIALS,
        (
            "expired",
            "token",
            "accesskeyid",
            "unrecognizedclient",
            "signature",
            "timetooskewed",
            "missingauthentication",
        ),
    ),
    (ErrorClass.ACCESS_DENIED, ("accessdenied", "authorizationerror", "notauthorized", "unauthorized", "kmsdisabled")),
    (
        ErrorClass.CONFLICT,
        ("transactionconflict", "transactioninprogress", "operationaborted", "conditionalrequestconf"),
    ),
    (ErrorClass.MISSING_RESOURCE, ("doesnotexist", "nonexistent", "notfound", "nosuchbucket")),
    (ErrorClass.SERVER_ERROR, ("internal", "unavailable", "requesttimeout")),
)
"""Fragments of codes, lower case, without punctuation. The first family that matches decides, before the status."""
_STATUSES: Mapping[int, ErrorClass] = {
    HTTPStatus.UNAUTHORIZED: ErrorClass.CREDENTIALS,
    HTTPStatus.FORBIDDEN: ErrorClass.ACCESS_DENIED,
    HTTPStatus.NOT_FOUND: ErrorClass.MISSING_RESOURCE,
    HTTPStatus.REQUEST_TIMEOUT: ErrorClass.SERVER_ERROR,
    HTTPStatus.CONFLICT: ErrorClass.CONFLICT,
    HTTPStatus.TOO_MANY_REQUESTS: ErrorClass.THROTTLED,
}


class CallRejected(Problem):
    """AWS rejected a call as malformed. The fault is ours: a request ends as `internal`, a loop continues."""


class MissingResource(Unavailable):
    """A table, bucket, queue or topic does not exist at the moment."""


def error_code(error: ClientError) -> str:
    """Return AWS's code; empty if the response has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


CallError = ClientError | BotoCoreError | OSError | aiohttp.ClientError | ResponseParserError
"""Any error of an AWS call. `TimeoutError` and lost connections are OSErrors; the SDK does not translate aiohttp's
error for a connection that is lost within a streamed body.
"""


def classify(error: CallError) -> ErrorClass:
    match error:
        case ClientError():
            return _classify_response(error)
        case NoCredentialsError() | PartialCredentialsError() | CredentialRetrievalError():
            return ErrorClass.CREDENTIALS
        case ParamValidationError():
            return ErrorClass.REJECTED
        case ResponseParserError():
            return ErrorClass.SERVER_ERROR  # such as a proxy's HTML page
        case _:
            return ErrorClass.UNREACHABLE


def _classify_response(error: ClientError) -> ErrorClass:
    code = error_code(error)
    plain = "".join(character for character in code.lower() if character.isalnum())
    if not code.startswith(_DATA_LIMIT):
        for error_class, fragments in _CLASSES:
            if any(fragment in plain for fragment in fragments):
                return error_class
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or _number(code)
    if status == HTTPStatus.BAD_REQUEST and code.isdigit():
        return ErrorClass.CREDENTIALS  # a response to HEAD carries no code; S3 sends 400 for expired credentials
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ErrorClass.SERVER_ERROR
    return _STATUSES.get(status, ErrorClass.REJECTED)


def _number(code: str) -> int:
    """Return the status: a response without a body has it as its code."""
    return int(code) if code.isdigit() else 0


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Number of calls of one service that failed with one class of error, and the time of the last."""

    service: str
    error_class: ErrorClass
    count: int
    last_at: datetime


class AwsErrors:
    """Counts a process's failed calls, for its metrics and the overview."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, ErrorClass], ErrorCount] = {}

    def record(self, service: str, error_class: ErrorClass) -> None:
        """Count an error of a service."""
        known = self._counts.get((service, error_class))
        count = known.count + 1 if known else 1
        self._counts[service, error_class] = ErrorCount(service, error_class, count, self._clock())

    def counts(self) -> tuple[ErrorCount, ...]:
        """Return all counts since the process started, ordered by service and class."""
        return tuple(self._counts[key] for key in sorted(self._counts))


Outcomes = Mapping[str, Callable[[ClientError], Exception]]
"""Error codes that are results of a call, not failures, and the exception that each becomes."""


class Translation:
    """Translates one service's errors into ours, at the edge of its store."""

    def __init__(self, service: str, errors: AwsErrors | None = None) -> None:
        self._service, self._errors = service, errors or AwsErrors()

    @contextmanager
    def __call__(self, outcomes: Outcomes | None = None) -> Iterator[None]:
        """Raise the exception of `outcomes` for its codes, else Unavailable, MissingResource or CallRejected.

        Outcomes are not counted.
        """
        try:
            yield
        except ClientError as error:
            if outcomes and (make := outcomes.get(error_code(error))):
                raise make(error) from error
            raise self._failure(error) from error
        except (BotoCoreError, TimeoutError, ConnectionError, aiohttp.ClientError, ResponseParserError) as error:
            raise self._failure(error) from error

    def _failure(self, error: CallError) -> Problem:
        error_class = classify(error)
        self._errors.record(self._service, error_class)
        seconds = RETRY_AFTER_SECONDS.get(error_class, 1)
        match error_class:
            case ErrorClass.REJECTED:
                return CallRejected()
            case ErrorClass.MISSING_RESOURCE:
                return MissingResource(f"{self._service} is not set up at the moment.", retry_after_seconds=seconds)
            case ErrorClass.UNREACHABLE:
                return Unavailable(f"{self._service} cannot be reached at the moment.", retry_after_seconds=seconds)
        return Unavailable(f"{self._service} does not respond at the moment.", retry_after_seconds=seconds)
