"""The account's event log: by page, or as a stream that reconnects after every interruption."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import ValidationError

from darkroom_client.connection import Connection
from darkroom_client.errors import ClientError, UnexpectedResponse
from darkroom_client.event_stream import Message, MessageParser
from darkroom_client.retry import STREAM_RETRIES, RetryPolicy, is_passing
from darkroom_shared.events import Event, EventPage, Progress
from darkroom_shared.problems import Problem


@dataclass(frozen=True, slots=True)
class Reset:
    """Missed events are no longer stored: list the items again; the stream continues after `head`."""

    head: int


StreamedEvent = Event | Reset | Progress
"""Progress is not part of the log."""


async def event_page(connection: Connection, *, after: int, limit: int, wait_seconds: int) -> EventPage:
    parameters: dict[str, str | int] = {"after": after, "limit": limit}
    if wait_seconds:
        parameters["wait"] = wait_seconds
    return await connection.request(
        "GET", "/v1/events", EventPage, parameters=parameters, longer_seconds=float(wait_seconds)
    )


async def stream_events(
    connection: Connection, *, after: int, policy: RetryPolicy = STREAM_RETRIES
) -> AsyncGenerator[StreamedEvent, None]:
    """Yield every event after number `after`, in order, each once. Raises NotReachable if the service stays
    unreachable.
    """
    clock = asyncio.get_running_loop().time
    last, failures = after, 0
    disconnected_at: float | None = None
    while True:
        connected, requested_seconds = False, None
        try:
            async with aclosing(_read_once(connection, last)) as messages:
                async for message in messages:
                    connected, disconnected_at = True, None
                    for event in _parse_events(message, last) if message else ():
                        last = _position(event, last)
                        yield event
        except (Problem, ClientError) as error:
            disconnected_at = disconnected_at or clock()
            if not is_passing(error) or failures >= policy.attempts or clock() - disconnected_at > policy.total_seconds:
                raise
            requested_seconds = error.retry_after_seconds
        failures = 0 if connected else failures + 1
        await asyncio.sleep(policy.wait_seconds(max(failures, 1), requested_seconds))


async def _read_once(connection: Connection, last: int) -> AsyncGenerator[Message | None, None]:
    """Yield None once the connection is open, then each message."""
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store", "Last-Event-ID": str(last)}
    parser = MessageParser()
    async with connection.stream("/v1/events", {"after": last}, headers) as response:
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise UnexpectedResponse(f"{connection.url.host} sent something else than an event stream")
        yield None
        async for chunk in response.aiter_bytes():
            try:
                messages = list(parser.feed(chunk))
            except ValueError as error:
                raise UnexpectedResponse(f"{connection.url.host} sent an event stream that cannot be read") from error
            for message in messages:
                yield message


def _parse_events(message: Message, last: int) -> Iterator[StreamedEvent]:
    """Yield the message's event; nothing if the event was already seen."""
    try:
        match message.type:
            case "reset":
                yield Reset(int(json.loads(message.data)["head"]))
            case "progress":
                yield Progress.model_validate_json(message.data)
            case _:
                event = Event.model_validate_json(message.data)
                if event.number > last:
                    yield event
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise UnexpectedResponse(f"an event of type {message.type!r} cannot be read") from error


def _position(event: StreamedEvent, last: int) -> int:
    match event:
        case Event():
            return event.number
        case Reset():
            return event.head
        case Progress():
            return last
