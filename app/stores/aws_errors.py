"""Classification of AWS errors by HTTP status and family of codes, never by a list of every code."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from traceback import walk_tb

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

from darkroom_shared.problems import Full, Problem, Unavailable
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

NO_RESPONSE_SECONDS = 0.5
"""Services respond within a tenth of a second; a request waits two seconds for them after a commit, or less."""
DATA_LIMIT = "ItemCollectionSizeLimitExceeded"
"""Named like throttling, but waiting does not help: the account holds 10 GB of rows."""
_CLASSES: tuple[tuple[ErrorClass, tuple[str, ...]], ...] = (
    (
        ErrorClass.THROTTLED,
        ("throttl", "throughputexceeded", "limitexceeded", "toomanyrequests", "slowdown", "overlimit"),
    ),
    (ErrorClass.SERVER_ERROR, ("internal", "unavailable", "timeout", "requestaborted")),
    # A key of KMS that is disabled, deleted or not ours: a person must repair it, as a policy.
    (ErrorClass.ACCESS_DENIED, ("kms", "inaccessibleencryption")),
    (ErrorClass.CONFLICT, ("conflict", "inprogress", "concurrent", "operationaborted", "inuse", "alreadyexists")),
    (
        ErrorClass.CREDENTIALS,
        (
            "expired",
            "token",
            "accesskeyid",
            "unrecognizedclient",
            "signature",
            "timetooskewed",
            "invalidsecurity",
            "securityheader",
        ),
    ),
    (ErrorClass.ACCESS_DENIED, ("accessdenied", "authoriz", "optin", "disabled")),
    (ErrorClass.MISSING_RESOURCE, ("doesnotexist", "nonexistent", "notfound", "nosuchbucket")),
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
    """AWS rejected a call as malformed, or with a code of no known class. The fault is ours, or the installation's, and
    never the user's: a request ends as `internal`, a loop continues, a job waits for another attempt."""


class PartitionFull(Full):
    """An account's rows in a table with a local index have reached DynamoDB's limit of 10 GB (some millions of items).
    Deleting permanently makes room; AWS works, so this is not counted as its error."""

    def __init__(self) -> None:
        super().__init__("This account holds as many items as it can. Deleting some permanently makes room.")


class MissingResource(Unavailable):
    """A table, bucket, queue or topic does not exist at the moment."""


def error_code(error: ClientError) -> str:
    """Return AWS's code; empty if the response has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


_ORIGINS: Mapping[str, ErrorClass] = {
    "aiobotocore.credentials": ErrorClass.CREDENTIALS,
    "botocore.credentials": ErrorClass.CREDENTIALS,
    "aiobotocore.parsers": ErrorClass.SERVER_ERROR,
    "botocore.parsers": ErrorClass.SERVER_ERROR,
}
"""Modules of the SDK whose errors have any type, and the class of all of them."""
CallError = ClientError | BotoCoreError | OSError | aiohttp.ClientError | ResponseParserError
"""Any error of an AWS call. `TimeoutError` and lost connections are OSErrors; the SDK does not translate aiohttp's
error for a connection that is lost within a streamed body.
"""


def classify(error: CallError) -> ErrorClass:
    origin = _origin(error)
    if origin is not None:
        return origin
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


def classify_code(code: str, status: int) -> ErrorClass:
    """Return the class of an error that names itself. `status` is 0 if there is none."""
    plain = "".join(character for character in code.lower() if character.isalnum())
    if not code.startswith(DATA_LIMIT):
        for error_class, fragments in _CLASSES:
            if any(fragment in plain for fragment in fragments):
                return error_class
    if status == HTTPStatus.BAD_REQUEST and code.isdigit():
        return ErrorClass.CREDENTIALS  # a response to HEAD carries no code; S3 sends 400 for expired credentials
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ErrorClass.SERVER_ERROR
    return _STATUSES.get(status, ErrorClass.REJECTED)


def _classify_response(error: ClientError) -> ErrorClass:
    code = error_code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if not status and code.isdigit():
        status = int(code)  # the code of a response without a body
    return classify_code(code, status)


def _origin(error: BaseException) -> ErrorClass | None:
    """Return the class of an error that the SDK raised while it obtained credentials or read a response.

    There it raises, or lets pass, errors of any type: RuntimeError if refreshed credentials are expired, ValueError for
    a malformed date, FileNotFoundError for a token's file, ClientError of STS. The traceback shows where they come
    from.
    """
    for frame, _ in walk_tb(error.__traceback__):
        origin = _ORIGINS.get(frame.f_globals.get("__name__", ""))
        if origin is not None:
            return origin
    return None


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
    def __call__(self, outcomes: Outcomes | None = None, *, may_be_long: bool = False) -> Iterator[None]:
        """Raise the exception of `outcomes` for its codes, else Unavailable, MissingResource or CallRejected.

        Outcomes are not counted. A call that its caller's time limit cancels is counted, because its service does not
        respond, unless it `may_be_long`: it transfers a file, or waits for a message.
        """
        began_at = time.monotonic()
        try:
            yield
        except ClientError as error:
            if outcomes and _origin(error) is None and (make := outcomes.get(error_code(error))):
                raise make(error) from error
            raise self.failure(classify(error)) from error
        except (BotoCoreError, TimeoutError, ConnectionError, aiohttp.ClientError, ResponseParserError) as error:
            raise self.failure(classify(error)) from error
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, OSError) as error:
            origin = _origin(error)
            if origin is None:
                raise
            raise self.failure(origin) from error
        except asyncio.CancelledError:
            if not may_be_long and time.monotonic() - began_at >= NO_RESPONSE_SECONDS:
                self.record(ErrorClass.UNREACHABLE)
            raise

    def record(self, error_class: ErrorClass) -> None:
        """Count an error."""
        self._errors.record(self._service, error_class)

    def failure(self, error_class: ErrorClass) -> Problem:
        """Count an error and return the exception for it."""
        self.record(error_class)
        seconds = RETRY_AFTER_SECONDS.get(error_class, 1)
        match error_class:
            case ErrorClass.REJECTED:
                return CallRejected()
            case ErrorClass.MISSING_RESOURCE:
                return MissingResource(f"{self._service} is not set up at the moment.", retry_after_seconds=seconds)
            case ErrorClass.UNREACHABLE:
                return Unavailable(f"{self._service} cannot be reached at the moment.", retry_after_seconds=seconds)
            case ErrorClass.THROTTLED:
                return Unavailable(f"{self._service} throttles requests at the moment.", retry_after_seconds=seconds)
        return Unavailable(f"{self._service} does not respond at the moment.", retry_after_seconds=seconds)
