"""Problems as RFC 9457 responses, for middleware, routes and protocols."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Send

from darkroom_shared.problems import MEDIA_TYPE, BadRequest, Problem, Unauthenticated

DEFAULT_RETRY_SECONDS = 1


class ProblemResponse(Response):
    """The problem with the headers that belong to it; `headers` are added to them."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.to_json(), problem.status, {**_headers_of(problem), **(headers or {})})


async def send_problem(send: Send, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
    """Send the problem as the whole response; for middleware."""
    response = ProblemResponse(problem, headers)
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body})


async def refuse_host(send: Send) -> None:
    """Respond to a request for a host that is not ours."""
    await send_problem(send, BadRequest("This host is not served here."))


def _headers_of(problem: Problem) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    elif problem.status == Unauthenticated.status:
        headers["WWW-Authenticate"] = "Bearer"
    elif problem.status in (429, 503):
        headers["Retry-After"] = str(DEFAULT_RETRY_SECONDS)
    return headers
