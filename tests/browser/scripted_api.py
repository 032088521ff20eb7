"""A scripted service: our wire models over real HTTP, an object store and a CDN, all in memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Header, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse

from darkroom_shared.accounts import Account, Register, Session, SessionPage, SignedIn, SignIn
from darkroom_shared.events import HEAD_HEADER, Event, EventPage, EventType
from darkroom_shared.ids import new_item_id, new_session_id
from darkroom_shared.items import (
    CompletedItem,
    CreatedItem,
    CreateItem,
    EditItem,
    Item,
    ItemKind,
    ItemPage,
    ItemState,
    OriginalUrl,
    Receipt,
    SingleUpload,
)
from darkroom_shared.problems import (
    MEDIA_TYPE,
    EventsGone,
    NotUploaded,
    Outdated,
    PlaylistGone,
    Problem,
    Unauthenticated,
)
from darkroom_shared.times import utc_now
from tests.browser.scripted_service import ScriptedService

HEARTBEAT_SECONDS = 5.0


def build_application(api: ScriptedService) -> FastAPI:
    """Return the HTTP application with its object store and its CDN."""

    application = FastAPI()
    application.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["PUT", "GET"], allow_headers=["*"])

    @application.middleware("http")
    async def script(request: Request, call_next: Callable[[Request], Any]) -> Response:
        path = "/".join("ID" if "_" in part else part for part in request.url.path.split("/"))
        kind = f"{request.method} {path}"
        api.loop = asyncio.get_running_loop()
        api.requests[kind] += 1
        for waiting in api.refused:
            if waiting[0] == kind:
                api.refused.remove(waiting)
                return _respond(waiting[1])
        needs_session = path.startswith("/v1/") and kind not in {"POST /v1/accounts", "POST /v1/sessions"}
        if needs_session and not api.signed_in:
            return _respond(Unauthenticated())
        response: Response = await call_next(request)
        return response

    application.add_exception_handler(Problem, _respond_problem)
    _add_account_routes(api, application)
    _add_item_routes(api, application)
    _add_trash_routes(api, application)
    _add_upload_routes(api, application)
    _add_video_routes(api, application)
    _add_event_routes(api, application)
    return application


def _add_account_routes(api: ScriptedService, application: FastAPI) -> None:
    session = Session(
        id=new_session_id(),
        label="Chrome on Linux",
        created_at=datetime.now(UTC),
        expires_at=datetime.now(UTC) + timedelta(days=30),
        current=True,
    )
    phone = session.model_copy(update={"id": new_session_id(), "label": "Safari on iPhone", "current": False})
    sessions = [session, phone]

    @application.get("/v1/account")
    async def account() -> Account:
        return api.account

    @application.post("/v1/accounts", status_code=201)
    async def register(expected: Register) -> Account:
        return api.account

    @application.post("/v1/sessions", status_code=201)
    async def sign_in(expected: SignIn) -> SignedIn:
        api.signed_in = True
        return SignedIn(session=session, account=api.account, token=None)

    @application.get("/v1/sessions")
    async def list_sessions() -> SessionPage:
        return SessionPage(sessions=tuple(sessions))

    @application.delete("/v1/sessions/current", status_code=204)
    async def sign_out() -> None:
        api.signed_in = False

    @application.delete("/v1/sessions/{ended}", status_code=204)
    async def end_session(ended: str) -> None:
        sessions[:] = [each for each in sessions if each.id != ended]


def _add_trash_routes(api: ScriptedService, application: FastAPI) -> None:
    @application.delete("/v1/items/{item}", status_code=204)
    async def delete_item(item: str, permanently: bool = False) -> None:
        if permanently and item in api.deleted:
            del api.deleted[item]
            return
        row = api.require(item)
        del api.items[item]
        hidden = {"state": ItemState.DELETED, "deleted_at": utc_now(), "restorable_until": utc_now()}
        api.deleted[item] = row.model_copy(update=hidden)
        api.append_event(EventType.ITEM_DELETED, api.deleted[item])

    @application.post("/v1/items/{item}/restore")
    async def restore_item(item: str) -> Item:
        row = api.deleted.pop(item).model_copy(update={"state": ItemState.READY})
        api.items[item] = row
        api.append_event(EventType.ITEM_RESTORED, row)
        return api.to_wire(row)


def _add_item_routes(api: ScriptedService, application: FastAPI) -> None:
    @application.get("/v1/items")
    async def list_items(response: Response, cursor: int = 0, deleted: bool = False) -> ItemPage:
        response.headers[HEAD_HEADER] = str(api.head)
        newest = sorted((api.deleted if deleted else api.items).values(), key=lambda item: item.id, reverse=True)
        until = cursor + api.page_items
        visible = tuple(api.to_wire(item) for item in newest[cursor:until])
        return ItemPage(items=visible, next_cursor=str(until) if until < len(newest) else None)

    @application.get("/v1/items/{item}")
    async def get_item(item: str) -> Item:
        return api.to_wire(api.require(item))

    @application.patch("/v1/items/{item}")
    async def edit_item(item: str, body: EditItem, if_match: str = Header()) -> Item:
        row = api.require(item)
        if if_match != f'"{row.version}"':
            raise Outdated
        fields = body.model_dump(exclude_unset=True) | {"version": row.version + 1}
        return api.to_wire(api.change(row, EventType.ITEM_UPDATED, **fields))

    @application.post("/v1/items/{item}/retry", status_code=202)
    async def retry(item: str) -> Item:
        return api.change(api.require(item), state=ItemState.QUEUED, failure=None)

    @application.post("/v1/items/{item}/cancel")
    async def cancel(item: str) -> Item:
        return api.change(api.require(item), EventType.ITEM_CANCELLED, state=ItemState.CANCELLED)

    @application.get("/v1/items/{item}/receipt")
    async def receipt(item: str) -> Receipt:
        api.require(item)
        return Receipt(steps=tuple(api.receipts.get(item, [])))

    @application.get("/v1/items/{item}/original")
    async def original(item: str) -> OriginalUrl:
        row = api.require(item)
        return OriginalUrl(url=f"{api.url}/originals/{row.name}", expires_at=datetime.now(UTC))


def _created(api: ScriptedService, key: str, body: CreateItem) -> Item:
    """Return the item that the first request with this key has created."""
    if key in api.created:
        return api.require(api.created[key])
    item = Item(
        id=new_item_id(),
        kind=None,
        state=ItemState.UPLOADING,
        created_at=datetime.now(UTC),
        deadline=None,
        version=1,
        **body.model_dump(),
    )
    api.created[key] = item.id
    return api.change(item, EventType.ITEM_CREATED)


def _add_upload_routes(api: ScriptedService, application: FastAPI) -> None:
    @application.post("/v1/items", status_code=201)
    async def create(body: CreateItem, request: Request) -> CreatedItem:
        item = _created(api, request.headers["idempotency-key"], body)
        while api.holds_responses:  # noqa: ASYNC110  # the test that releases the response runs in another thread
            await asyncio.sleep(0.01)
        upload = SingleUpload(
            url=f"{api.url}/objects/{item.id}",
            headers={"x-amz-checksum-sha256": "bound", "Content-Length": str(item.size_bytes)},
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        return CreatedItem(item=item, upload=upload)

    @application.post("/v1/items/{item}/complete", status_code=202)
    async def complete(item: str) -> CompletedItem:
        row = api.require(item)
        if f"sha256:{hashlib.sha256(api.stored.get(item, b'')).hexdigest()}" != row.digest:
            raise NotUploaded
        return CompletedItem(item=api.change(row, state=ItemState.QUEUED, kind=ItemKind.IMAGE))

    @application.put("/objects/{item}")
    async def put(item: str, request: Request) -> Response:
        api.stored[item] = await request.body()
        return Response()

    @application.get("/originals/{name}")
    async def download(name: str) -> Response:
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(b"original", media_type="application/octet-stream", headers=headers)

    @application.get("/cdn/{window}/{name}/{file}")
    async def image(window: int, name: str, file: str) -> Response:
        if window < api.oldest_window:
            return Response(status_code=403)
        if file in {"video.mp4", "storyboard.jpg", "storyboard.vtt"}:
            (encode,) = (encode for id_, encode in api.encodes.items() if api.items[id_].name == name)
            return FileResponse(encode.video.folder / file)
        return Response(api.images[name], media_type=f"image/{file.rsplit('.')[-1]}")


def _add_video_routes(api: ScriptedService, application: FastAPI) -> None:
    hls = "application/vnd.apple.mpegurl"

    @application.get("/v1/items/{item}/hls/main.m3u8")
    async def main_playlist(item: str, grant: str) -> Response:
        encode = api.encodes[api.require(item).id]
        return Response(encode.video.main_playlist(encode.attempt, f"grant={grant}"), media_type=hls)

    @application.get("/v1/items/{item}/hls/{attempt}/{rung}.m3u8")
    async def media_playlist(item: str, attempt: int, rung: str, grant: str) -> Response:
        encode = api.encodes[api.require(item).id]
        if attempt != encode.attempt:
            raise PlaylistGone
        files = f"{api.url}/films/{api.window}/{item}/{attempt}/"
        return Response(encode.video.media_playlist(rung, encode.made, files), media_type=hls)

    @application.get("/films/{window}/{item}/{attempt}/{file}")
    async def video(window: int, item: str, attempt: int, file: str) -> Response:
        if window < api.oldest_window:
            return Response(status_code=403)
        api.fetched.append(file)
        return FileResponse(api.encodes[item].video.folder / file)


def _add_event_routes(api: ScriptedService, application: FastAPI) -> None:
    @application.get("/v1/events", response_model=EventPage)
    async def events(request: Request, after: int = 0) -> Any:
        if "text/event-stream" in request.headers["accept"]:
            return StreamingResponse(_stream(api, after), media_type="text/event-stream")
        if after < api.oldest_event - 1:
            raise EventsGone(oldest=api.oldest_event, head=api.head)
        return EventPage(events=tuple(_since(api, after)), head=api.head, read_to=api.head)


def _since(api: ScriptedService, after: int) -> list[Event]:
    return [event for event in api.events if event.number > after]


async def _stream(api: ScriptedService, after: int) -> AsyncIterator[bytes]:
    api.streams += 1
    try:
        yield b": \n\n"
        if after < api.oldest_event - 1:
            after = api.head
            yield b'id: %d\nevent: reset\ndata: {"head": %d}\n\n' % (after, after)
        while not api.cut.is_set():
            api.new_event.clear()
            for event in _since(api, after):
                after = event.number
                yield f"id: {after}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
            while api.progress:
                yield f"event: progress\ndata: {api.progress.pop(0).model_dump_json()}\n\n".encode()
            yield b": \n\n"
            await _first(api.new_event, api.cut)
        api.cut.clear()
    finally:
        api.streams -= 1


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


async def _respond_problem(_request: Request, problem: Exception) -> Response:
    if not isinstance(problem, Problem):
        raise problem
    return _respond(problem)


def _respond(problem: Problem) -> JSONResponse:
    headers = {"Retry-After": str(problem.retry_after_seconds)} if problem.retry_after_seconds else {}
    return JSONResponse(problem.body(), problem.status, headers=headers, media_type=MEDIA_TYPE)
