"""Middleware, routes and protocol send a problem as the same response."""

import json

import pytest
from starlette.types import Message

from darkroom_process.problem_response import ProblemResponse, send_problem
from darkroom_shared.problems import Invalid, NotFound, Problem, TooManyRequests, Unauthenticated, Unavailable

PROBLEMS = [
    (NotFound("é"), {}),
    (Invalid(errors=[{"field": "a", "message": "b"}]), {}),
    (Unauthenticated(), {b"www-authenticate": b"Bearer"}),
    (Unavailable(), {b"retry-after": b"1"}),
    (TooManyRequests(retry_after_seconds=7), {b"retry-after": b"7"}),
]


@pytest.mark.parametrize(("problem", "headers"), PROBLEMS)
async def test_middleware_sends_what_a_route_returns(problem: Problem, headers: dict[bytes, bytes]) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await send_problem(send, problem, {"X-Request-Id": "request-1"})
    response = ProblemResponse(problem, {"X-Request-Id": "request-1"})
    start, body = sent
    assert (start["status"], start["headers"]) == (problem.status, response.raw_headers)
    assert body["body"] == response.body == problem.to_json()
    assert json.loads(bytes(response.body)) == problem.body()
    assert dict(response.raw_headers) == {
        b"content-type": b"application/problem+json",
        b"content-length": str(len(response.body)).encode(),
        b"cache-control": b"no-store",
        b"x-request-id": b"request-1",
        **headers,
    }
