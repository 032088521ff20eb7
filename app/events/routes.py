"""The event log over HTTP: a page, a long poll or a stream, all with the same cursor."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.events.service.log import EventLog
from app.events.service.stream import Heartbeat, LiveEvents, Reset
from app.http.caller import Caller
from app.http.dependencies import from_state
from app.identity import Authenticator, CallerIdentity
from darkroom_shared.events import HEAD_HEADER, Event, EventPage, EventType, Progress
from darkroom_shared.problems import Invalid

router = APIRouter(prefix="/events", tags=["events"])

STREAM_TYPE = "text/event-stream"
MAX_WAIT_SECONDS = 25
COMMENT = b": \n\n"


Log = Annotated[EventLog, from_state("event_log", EventLog)]


def _types(
    types: Annotated[str | None, Query(description="Event types, separated by commas")] = None,
) -> set[EventType]:
    """Return all types if none is named."""
    if types is None:
        return set(EventType)
    try:
        return {EventType(name) for name in types.split(",")}
    except ValueError as error:
        raise Invalid(errors=[{"field": "types", "message": "names an unknown event type"}]) from error


@router.get(
    "",
    response_model=EventPage,
    responses={200: {"content": {STREAM_TYPE: {"schema": {"type": "string"}}}}},
)
async def read_events(
    request: Request,
    response: Response,
    caller: Caller,
    log: Log,
    live: Annotated[LiveEvents, from_state("live_events", LiveEvents)],
    authenticator: Annotated[Authenticator, from_state("authenticator", Authenticator)],
    types: Annotated[set[EventType], Depends(_types)],
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,15}$")] = None,
) -> EventPage | Response:
    """Return the events after `after`. With `Accept: text/event-stream`, stream them, resuming from `Last-Event-ID`."""
    if STREAM_TYPE in request.headers.get("accept", ""):
        cursor = int(last_event_id) if last_event_id else after
        lines = _stream(live, authenticator, caller, cursor, types)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(lines, media_type=STREAM_TYPE, headers=headers)
    page = await log.read(caller.account_id, after, limit=limit)
    if wait and not page.events:
        await live.wait(caller.account_id, after, wait)
        page = await log.read(caller.account_id, after, limit=limit)
    response.headers[HEAD_HEADER] = str(page.head)
    return page.model_copy(update={"events": tuple(event for event in page.events if event.type in types)})


async def _stream(
    live: LiveEvents, authenticator: Authenticator, caller: CallerIdentity, after: int, types: set[EventType]
) -> AsyncIterator[bytes]:
    yield COMMENT
    async with aclosing(live.stream(caller.account_id, after)) as signals:
        async for signal in signals:
            match signal:
                case Event() if signal.type in types:
                    yield _lines(signal)
                case Event():
                    yield f"id: {signal.number}\n\n".encode()
                case Progress():
                    yield f"event: progress\ndata: {signal.model_dump_json()}\n\n".encode()
                case Reset(head=head):
                    yield f"id: {head}\nevent: reset\ndata: {json.dumps({'head': head})}\n\n".encode()
                case Heartbeat():
                    if not await authenticator.is_session_alive(caller.session_id):
                        return
                    yield COMMENT


def _lines(event: Event) -> bytes:
    return f"id: {event.number}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
