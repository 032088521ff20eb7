"""Requests to the API: address, token, time limits, retries, and problem+json translated to exceptions."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from email.utils import parsedate_to_datetime
from functools import cache
from ssl import SSLContext
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from darkroom_client.errors import NotReachable, UnexpectedResponse
from darkroom_client.retry import RetryPolicy, retried
from darkroom_shared.problems import MEDIA_TYPE, PROBLEMS, TYPE_PREFIX, Problem
from darkroom_shared.times import utc_now

ResponseT = TypeVar("ResponseT", bound=BaseModel)
Body = BaseModel | Mapping[str, Any]

RESPONSE_SECONDS = 15.0
"""The service limits a request to 10 s; a response that takes longer than this will not arrive."""
WHOLE_REQUEST_SECONDS = 45.0
"""Limit of a whole request: a response in tiny pieces never exceeds the limit of one read."""
MAX_IDLE_SECONDS = 45.0
"""A stream has a heartbeat every 15 s; after three missed ones the connection counts as dead."""
MAX_RETRY_AFTER_SECONDS = 3_600.0
LOOPBACK: Mapping[str, None] = {"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None}
"""No proxy is used for these hosts, whatever the environment configures."""


@cache
def tls_context() -> SSLContext:
    """Return the TLS context of all clients of this process. Loading all authorities takes 60 ms."""
    return httpx.create_ssl_context()


def base_url(text: str) -> httpx.URL:
    """Raises ValueError if `text` is not an http(s) address."""
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except httpx.InvalidURL as error:
        raise ValueError(f"{text!r} is not an address: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.userinfo:
        raise ValueError(f"{text!r} is not an address; expected something like http://127.0.0.1:8080")
    return url


class Connection:
    """Opened and closed by `DarkroomClient`."""

    def __init__(self, url: str, token: str | None, policy: RetryPolicy) -> None:
        self.url = base_url(url)
        self._token = token
        self._policy = policy
        self._http = httpx.AsyncClient(
            timeout=_timeout(RESPONSE_SECONDS),
            verify=tls_context(),
            mounts=LOOPBACK,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=16),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    def use_token(self, token: str | None) -> None:
        self._token = token

    async def request(
        self, method: str, path: str, model: type[ResponseT], body: Body | None = None, **options: Any
    ) -> ResponseT:
        """Send a request and return the response as a model. `options` are those of `send`."""
        return parsed(await self.send(method, path, body=body, **options), model)

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        parameters: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        keyless: bool = False,
        longer_seconds: float = 0.0,
    ) -> httpx.Response:
        """Send a request and return a successful response. Raises the service's problem, or NotReachable.

        A POST carries an Idempotency-Key, the same one in each retry; `keyless` is for routes that refuse it. Only
        such a POST and a GET are retried. `longer_seconds` is added to the time limits, for a long poll.
        """
        all_headers = self._headers() | dict(headers or {})
        if method == "POST" and not keyless:
            all_headers.setdefault("Idempotency-Key", secrets.token_urlsafe(18))
        request = self._http.build_request(
            method,
            self.url.copy_with(path=self.url.path.rstrip("/") + path),
            params=parameters,
            headers=all_headers,
            content=_encoded(body),
            timeout=_timeout(RESPONSE_SECONDS + longer_seconds),
        )

        async def attempt() -> httpx.Response:
            with translated_errors(str(self.url)):
                async with asyncio.timeout(WHOLE_REQUEST_SECONDS + longer_seconds):
                    response = await self._http.send(request)
            return require_success(response)

        repeatable = method == "GET" or "Idempotency-Key" in all_headers
        return await (retried(self._policy, attempt) if repeatable else attempt())

    @asynccontextmanager
    async def stream(
        self, path: str, parameters: Mapping[str, str | int], headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Make one attempt at an endless response. Raises like `send`, also inside the block."""
        request = self._http.build_request(
            "GET",
            self.url.copy_with(path=self.url.path.rstrip("/") + path),
            params=parameters,
            headers=self._headers() | dict(headers),
            timeout=_timeout(MAX_IDLE_SECONDS),
        )
        with translated_errors(str(self.url)):
            response = await self._http.send(request, stream=True)
            try:
                if not response.is_success:
                    async with asyncio.timeout(WHOLE_REQUEST_SECONDS):
                        await response.aread()
                yield require_success(response)
            finally:
                await response.aclose()

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        return headers | ({"Authorization": f"Bearer {self._token}"} if self._token else {})


@contextmanager
def translated_errors(address: str) -> Iterator[None]:
    """Translate httpx's errors and an `asyncio.timeout` to NotReachable."""
    try:
        yield
    except (httpx.TransportError, httpx.StreamError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise NotReachable(f"{address} cannot be reached: {reason}") from error


def parsed(response: httpx.Response, model: type[ResponseT]) -> ResponseT:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise UnexpectedResponse(f"{response.url.host} does not respond as a Darkroom does") from error


def require_success(response: httpx.Response) -> httpx.Response:
    """Return the response if it is a success; otherwise raise the problem that it describes."""
    if not response.is_success:
        raise problem_of(response)
    return response


def problem_of(response: httpx.Response) -> Problem:
    """Return the problem by its type; for an unknown type a plain `Problem` with `extras["status"]`."""
    retry_after = retry_after_seconds(response)
    whole_seconds = None if retry_after is None else round(retry_after)
    members = _problem_members(response)
    known = PROBLEMS.get(str(members.get("type", "")).removeprefix(TYPE_PREFIX))
    detail = members.get("detail")
    extras = {
        name: value for name, value in members.items() if name not in {"type", "title", "status", "detail", "retry"}
    }
    if known is not None:
        return known(detail, retry_after_seconds=whole_seconds, **extras)
    sentence = detail or members.get("title") or f"{response.url.host} responded with status {response.status_code}"
    return Problem(sentence, retry_after_seconds=whole_seconds, **extras, status=response.status_code)


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Return Retry-After as seconds from now, from either of its two forms."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    try:
        seconds = (parsedate_to_datetime(text) - utc_now()).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _problem_members(response: httpx.Response) -> dict[str, Any]:
    if not response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
        return {}
    try:
        members = json.loads(response.content)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _timeout(read_seconds: float) -> httpx.Timeout:
    return httpx.Timeout(connect=5.0, read=read_seconds, write=10.0, pool=60.0)


def _encoded(body: Body | None) -> bytes | None:
    if isinstance(body, BaseModel):
        return body.model_dump_json(exclude_unset=True).encode()
    return None if body is None else json.dumps(dict(body)).encode()
