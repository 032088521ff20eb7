"""Convert errors into RFC 9457 responses, which never repeat what the client sent."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from darkroom_process.problem_response import ProblemResponse
from darkroom_shared.problems import (
    BadRequest,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
    Unauthenticated,
)

MAX_ERRORS = 20
FIELD_CHARACTERS = 100

log = structlog.get_logger()

_BY_STATUS: dict[int, type[Problem]] = {
    400: BadRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
}


def add_problem_responses(application: FastAPI) -> None:
    """Register the handlers. Any other exception reaches ErrorBoundary, which responds with `internal`."""
    application.add_exception_handler(Problem, _on_problem)
    application.add_exception_handler(RequestValidationError, _on_invalid)
    application.add_exception_handler(HTTPException, _on_http_exception)


async def _on_problem(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, Problem)  # noqa: S101 - narrows what Starlette types as Exception
    return logged_response(error)


def logged_response(problem: Problem) -> ProblemResponse:
    """Return the response and log problems of status 500 and above."""
    if problem.status >= 500:
        log.warning("request.failed", problem=problem.type, reason=repr(problem.__cause__ or problem))
    return ProblemResponse(problem)


async def _on_invalid(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows what Starlette types as Exception
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return ProblemResponse(BadRequest("The body is not JSON."))
    if len(faults) == 1 and tuple(faults[0]["loc"]) == ("body",):
        return ProblemResponse(Invalid("The body is not the expected JSON object.", errors=_faults_to_wire(faults)))
    return ProblemResponse(Invalid(errors=_faults_to_wire(faults)))


async def _on_http_exception(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows what Starlette types as Exception
    other = BadRequest if error.status_code < 500 else Problem
    return ProblemResponse(_BY_STATUS.get(error.status_code, other)(), error.headers)


def _faults_to_wire(faults: Sequence[Any]) -> list[dict[str, str]]:
    """Return field and message of each error, without the values that were sent."""
    return [{"field": _field(fault["loc"]), "message": _message(fault)} for fault in faults[:MAX_ERRORS]]


def _field(location: Sequence[Any]) -> str:
    """Return the path of the field: `("body", "parts", 0, "number")` becomes `parts.0.number`."""
    return ".".join(str(step) for step in location[1:])[:FIELD_CHARACTERS]


def _message(fault: Mapping[str, Any]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    context = fault.get("ctx", {})
    if context.get("field_type") == "Value":
        # A secret: pydantic's message calls its characters items and contains their number.
        return f"Should have {_bound(context)} characters"
    # The email validator's message contains parts of the address.
    return message.split(":", maxsplit=1)[0] if "email address" in message else message


def _bound(context: Mapping[str, Any]) -> str:
    return f"at most {context['max_length']}" if "max_length" in context else f"at least {context['min_length']}"
