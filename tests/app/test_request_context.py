"""Every request has an id, a deadline, a body limit and a response, even if the handler crashes."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.http.problem_responses import add_problem_responses
from app.http.request_context import MAX_BODY_BYTES, BodyLimit, Deadline, ErrorBoundary, RequestContextMiddleware
from darkroom_process.logged_path import MAX_CHARACTERS
from darkroom_process.metrics import RequestMetrics
from darkroom_shared.problems import TooManyRequests, Unavailable


class Watched:
    """What the inner application received and did."""

    def __init__(self) -> None:
        self.cancelled = False


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
async def http(watched: Watched) -> AsyncIterator[httpx.AsyncClient]:
    application = FastAPI(
        middleware=[
            Middleware(RequestContextMiddleware, metrics=RequestMetrics(CollectorRegistry())),
            Middleware(Deadline),
            Middleware(ErrorBoundary),
            Middleware(BodyLimit),
        ]
    )
    add_problem_responses(application)

    @application.get("/endless")
    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            watched.cancelled = True

    @application.get("/crash{rest:path}")
    async def crash(rest: str) -> None:
        raise ZeroDivisionError("canary")

    @application.get("/busy")
    async def busy() -> None:
        raise TooManyRequests(retry_after_seconds=7)

    @application.get("/away")
    async def away() -> None:
        raise Unavailable

    @application.get("/slow-stream")
    async def slow_stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun "
            await asyncio.sleep(0.3)
            yield b"ended"

        return StreamingResponse(pieces())

    @application.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://app") as client:
        yield client


def _is_problem(response: httpx.Response, status: int, name: str) -> bool:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    return bool(response.json()["type"] == f"urn:darkroom:problem:{name}")


async def test_work_is_cancelled_at_the_callers_deadline(http: httpx.AsyncClient, watched: Watched) -> None:
    response = await http.get("/endless", headers={"X-Deadline": "50"})

    assert _is_problem(response, 504, "deadline-exceeded")
    assert watched.cancelled


@pytest.mark.parametrize("passed", ["0", "-5"])
async def test_a_deadline_that_has_passed_ends_the_request_immediately(http: httpx.AsyncClient, passed: str) -> None:
    assert _is_problem(await http.get("/endless", headers={"X-Deadline": passed}), 504, "deadline-exceeded")


async def test_a_started_response_may_continue_past_the_deadline(http: httpx.AsyncClient) -> None:
    response = await http.get("/slow-stream", headers={"X-Deadline": "100"})

    assert response.text == "begun ended"


@pytest.mark.parametrize("malformed", ["soon", "1e3", "9" * 30, "", "٣"])
async def test_a_malformed_deadline_is_ignored(http: httpx.AsyncClient, malformed: str) -> None:
    response = await http.post("/size", content=b"x", headers={b"X-Deadline": malformed.encode()})

    assert response.json() == 1


async def test_a_body_over_one_mebibyte_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.post("/size", content=b"x" * MAX_BODY_BYTES)).json() == MAX_BODY_BYTES
    assert _is_problem(await http.post("/size", content=b"x" * (MAX_BODY_BYTES + 1)), 413, "too-large")


async def test_a_body_of_undeclared_length_is_cut_at_the_same_size(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless_body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < MAX_BODY_BYTES * 10:
            sent += 100_000
            yield b"x" * 100_000

    response = await http.post("/size", content=endless_body())

    assert _is_problem(response, 413, "too-large")
    assert sent < MAX_BODY_BYTES * 2


async def test_a_crash_is_an_internal_problem_without_details(http: httpx.AsyncClient) -> None:
    response = await http.get("/crash")

    assert _is_problem(response, 500, "internal")
    assert "canary" not in response.text


async def test_a_log_entry_has_the_beginning_of_a_long_path(http: httpx.AsyncClient) -> None:
    with capture_logs() as entries:
        await http.get("/crash" + "-" * 60_000)

    assert [len(entry["path"]) for entry in entries] == [MAX_CHARACTERS + 1]


async def test_a_retryable_problem_carries_retry_after(http: httpx.AsyncClient) -> None:
    busy, away = await http.get("/busy"), await http.get("/away")

    assert _is_problem(busy, 429, "too-many-requests")
    assert _is_problem(away, 503, "unavailable")
    assert (busy.headers["Retry-After"], away.headers["Retry-After"]) == ("7", "1")


async def test_log_entries_carry_the_balancers_trace(http: httpx.AsyncClient) -> None:
    trace = "Root=1-67891233-abcdef012345678912345678"
    with capture_logs(processors=[merge_contextvars]) as entries:
        await http.get("/crash", headers={"X-Amzn-Trace-Id": trace})
        await http.get("/crash", headers={"X-Amzn-Trace-Id": "forged\tvalue"})
    assert [entry.get("amazon_trace") for entry in entries if entry["event"] == "request.crashed"] == [trace, None]


@pytest.mark.parametrize("path", ["/size", "/crash", "/nothing"])
async def test_every_response_carries_its_request_id(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path, headers={"X-Request-Id": "from-web-1"})
    made = await http.get(path, headers={"X-Request-Id": "forged\tid"})

    assert response.headers["X-Request-Id"] == "from-web-1"
    assert made.headers["X-Request-Id"].startswith("req_")
