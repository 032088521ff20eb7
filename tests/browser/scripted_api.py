"""A service that does as a test says: our wire models over real HTTP, an object store and a CDN, all in memory."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Header, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, StreamingResponse

from shared.accounts import Account, Register, Session, SessionPage, SignedIn, SignIn
from shared.events import HEAD_HEADER, Event, EventPage, EventType
from shared.ids import new_account_id, new_item_id, new_session_id
from shared.items import (
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
    ReceiptStep,
    Rendition,
    SingleUpload,
)
from shared.problems import MEDIA_TYPE, EventsGone, NotFound, NotUploaded, Outdated, Problem, Unauthenticated

HEARTBEAT_SECONDS = 5.0
UNHEARD_EVENTS = 10
SMALL, MEDIUM, LARGE = 400, 1024, 2048


class ScriptedApi:
    """Runs on a server's own loop; tests call `say`, `change` and the rest from theirs."""

    def __init__(self) -> None:
        self.url = ""
        """Where this server listens; the test sets it."""
        self.account = Account(
            id=new_account_id(), email="ada@example.com", administrator=True, created_at=datetime.now(UTC)
        )
        self.signed_in = True
        self.items: dict[str, Item] = {}
        self.receipts: dict[str, list[ReceiptStep]] = {}
        self.events: list[Event] = []
        self.oldest_event = 1
        self.stored: dict[str, bytes] = {}
        self.pictures: dict[str, bytes] = {}
        """What the CDN has, by the item's name."""
        self.asked: Counter[str] = Counter()
        """`GET /v1/items` and so on, ids left out."""
        self.refused: list[tuple[str, Problem]] = []
        """The next request of this kind gets this problem."""
        self.window = 1
        """Part of every CDN address that is given out."""
        self.oldest_window = 1
        """The CDN refuses addresses of earlier windows."""
        self.page_items = 100
        self.streams = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._cut = asyncio.Event()
        self.application = self._build()

    def say(self, type_: EventType, item: Item) -> None:
        """Appends to the log and tells every stream."""
        bare = tuple(each.model_copy(update={"url": None}) for each in item.renditions)
        data = item.model_copy(update={"renditions": bare, "urls_expire_at": None}).model_dump(mode="json")
        number = len(self.events) + self.oldest_event
        self.events.append(Event(number=number, type=type_, at=datetime.now(UTC), subject=item.id, data=data))
        self._wake(lambda: self._news)

    def change(self, item: Item, event: EventType | None = None, **fields: Any) -> Item:
        changed = item.model_copy(update=fields)
        self.items[item.id] = changed
        if event is not None:
            self.say(event, changed)
        return changed

    def make_ready(self, item: Item, placeholder: str, width: int = 1200, height: int = 800) -> Item:
        renditions = self._renditions(item, width, height)
        return self.change(
            item,
            EventType.ITEM_READY,
            state=ItemState.READY,
            placeholder=placeholder,
            width=width,
            height=height,
            renditions=renditions,
            deadline=None,
        )

    def forget_events(self) -> None:
        """As if thirty days had passed in which much happened that nobody heard."""
        self.oldest_event = self.head + 1 + UNHEARD_EVENTS
        self.events.clear()

    def cut_streams(self) -> None:
        self._wake(lambda: self._cut)

    def _wake(self, event: Callable[[], asyncio.Event]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: event().set())

    @property
    def head(self) -> int:
        return self.oldest_event + len(self.events) - 1

    def _renditions(self, item: Item, width: int, height: int) -> tuple[Rendition, ...]:
        sizes = [
            ("small", "webp", SMALL),
            ("medium", "webp", MEDIUM),
            ("large", "webp", LARGE),
            ("fallback", "jpeg", LARGE),
        ]
        made = []
        for name, form, edge in sizes:
            scale = min(1.0, edge / max(width, height))
            made.append(
                Rendition(
                    name=name,
                    file=f"{name}.{form}",
                    content_type=f"image/{form}",
                    width=round(width * scale),
                    height=round(height * scale),
                    size_bytes=1,
                )
            )
        return tuple(made)

    def _shown(self, item: Item) -> Item:
        signed = tuple(
            each.model_copy(update={"url": f"{self.url}/cdn/{self.window}/{item.name}/{each.file}"})
            for each in item.renditions
        )
        return item.model_copy(update={"renditions": signed})

    def _require(self, item: str) -> Item:
        if item not in self.items:
            raise NotFound
        return self.items[item]

    def _build(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            self._loop = asyncio.get_running_loop()
            yield

        application = FastAPI(lifespan=lifespan)
        application.add_middleware(
            CORSMiddleware, allow_origins=["*"], allow_methods=["PUT", "GET"], allow_headers=["*"]
        )

        @application.middleware("http")
        async def script(request: Request, call_next: Callable[[Request], Any]) -> Response:
            path = "/".join("ID" if "_" in part else part for part in request.url.path.split("/"))
            kind = f"{request.method} {path}"
            self.asked[kind] += 1
            for waiting in self.refused:
                if waiting[0] == kind:
                    self.refused.remove(waiting)
                    return _answer(waiting[1])
            needs_session = path.startswith("/v1/") and kind not in {"POST /v1/accounts", "POST /v1/sessions"}
            if needs_session and not self.signed_in:
                return _answer(Unauthenticated())
            answer: Response = await call_next(request)
            return answer

        application.add_exception_handler(Problem, _answer_problem)
        self._add_account_routes(application)
        self._add_item_routes(application)
        self._add_upload_routes(application)
        self._add_event_routes(application)
        return application

    def _add_account_routes(self, application: FastAPI) -> None:
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
            return self.account

        @application.post("/v1/accounts", status_code=201)
        async def register(wanted: Register) -> Account:
            return self.account

        @application.post("/v1/sessions", status_code=201)
        async def sign_in(wanted: SignIn) -> SignedIn:
            self.signed_in = True
            return SignedIn(session=session, account=self.account, token=None)

        @application.get("/v1/sessions")
        async def list_sessions() -> SessionPage:
            return SessionPage(sessions=tuple(sessions))

        @application.delete("/v1/sessions/current", status_code=204)
        async def sign_out() -> None:
            self.signed_in = False

        @application.delete("/v1/sessions/{ended}", status_code=204)
        async def end_session(ended: str) -> None:
            sessions[:] = [each for each in sessions if each.id != ended]

    def _add_item_routes(self, application: FastAPI) -> None:
        @application.get("/v1/items")
        async def list_items(response: Response, cursor: int = 0) -> ItemPage:
            response.headers[HEAD_HEADER] = str(self.head)
            newest = sorted(self.items.values(), key=lambda item: item.id, reverse=True)
            until = cursor + self.page_items
            shown = tuple(self._shown(item) for item in newest[cursor:until])
            return ItemPage(items=shown, next_cursor=str(until) if until < len(newest) else None)

        @application.get("/v1/items/{item}")
        async def get_item(item: str) -> Item:
            return self._shown(self._require(item))

        @application.patch("/v1/items/{item}")
        async def edit_item(item: str, wish: EditItem, if_match: str = Header()) -> Item:
            row = self._require(item)
            if if_match != f'"{row.version}"':
                raise Outdated
            fields = wish.model_dump(exclude_unset=True) | {"version": row.version + 1}
            return self._shown(self.change(row, EventType.ITEM_UPDATED, **fields))

        @application.delete("/v1/items/{item}", status_code=204)
        async def delete_item(item: str) -> None:
            row = self._require(item)
            del self.items[item]
            self.say(EventType.ITEM_DELETED, row.model_copy(update={"state": ItemState.DELETED}))

        @application.post("/v1/items/{item}/retry", status_code=202)
        async def retry(item: str) -> Item:
            return self.change(self._require(item), state=ItemState.QUEUED, failure=None)

        @application.post("/v1/items/{item}/cancel")
        async def cancel(item: str) -> Item:
            return self.change(self._require(item), EventType.ITEM_CANCELLED, state=ItemState.CANCELLED)

        @application.get("/v1/items/{item}/receipt")
        async def receipt(item: str) -> Receipt:
            self._require(item)
            return Receipt(steps=tuple(self.receipts.get(item, [])))

        @application.get("/v1/items/{item}/original")
        async def original(item: str) -> OriginalUrl:
            row = self._require(item)
            return OriginalUrl(url=f"{self.url}/originals/{row.name}", expires_at=datetime.now(UTC))

    def _add_upload_routes(self, application: FastAPI) -> None:
        @application.post("/v1/items", status_code=201)
        async def create(wish: CreateItem) -> CreatedItem:
            item = Item(
                id=new_item_id(),
                kind=None,
                state=ItemState.UPLOADING,
                created_at=datetime.now(UTC),
                deadline=None,
                version=1,
                **wish.model_dump(),
            )
            self.change(item, EventType.ITEM_CREATED)
            upload = SingleUpload(
                url=f"{self.url}/objects/{item.id}",
                headers={"x-amz-checksum-sha256": "bound", "Content-Length": str(item.size_bytes)},
                expires_at=datetime.now(UTC) + timedelta(hours=1),
            )
            return CreatedItem(item=item, upload=upload)

        @application.post("/v1/items/{item}/complete", status_code=202)
        async def complete(item: str) -> CompletedItem:
            row = self._require(item)
            if f"sha256:{hashlib.sha256(self.stored.get(item, b'')).hexdigest()}" != row.digest:
                raise NotUploaded
            return CompletedItem(item=self.change(row, state=ItemState.QUEUED, kind=ItemKind.IMAGE))

        @application.put("/objects/{item}")
        async def put(item: str, request: Request) -> Response:
            self.stored[item] = await request.body()
            return Response()

        @application.get("/originals/{name}")
        async def download(name: str) -> Response:
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return Response(b"original", media_type="application/octet-stream", headers=headers)

        @application.get("/cdn/{window}/{name}/{file}")
        async def picture(window: int, name: str, file: str) -> Response:
            if window < self.oldest_window:
                return Response(status_code=403)
            return Response(self.pictures[name], media_type=f"image/{file.rsplit('.')[-1]}")

    def _add_event_routes(self, application: FastAPI) -> None:
        @application.get("/v1/events", response_model=EventPage)
        async def events(request: Request, after: int = 0) -> Any:
            if "text/event-stream" in request.headers["accept"]:
                return StreamingResponse(self._stream(after), media_type="text/event-stream")
            if after < self.oldest_event - 1:
                raise EventsGone(oldest=self.oldest_event, head=self.head)
            return EventPage(events=tuple(self._since(after)), head=self.head, read_to=self.head)

    def _since(self, after: int) -> list[Event]:
        return [event for event in self.events if event.number > after]

    async def _stream(self, after: int) -> AsyncIterator[bytes]:
        self.streams += 1
        try:
            yield b": \n\n"
            if after < self.oldest_event - 1:
                after = self.head
                yield b'id: %d\nevent: reset\ndata: {"head": %d}\n\n' % (after, after)
            while not self._cut.is_set():
                self._news.clear()
                for event in self._since(after):
                    after = event.number
                    yield f"id: {after}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
                yield b": \n\n"
                await _first(self._news, self._cut)
            self._cut.clear()
        finally:
            self.streams -= 1


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


async def _answer_problem(_request: Request, problem: Exception) -> Response:
    if not isinstance(problem, Problem):
        raise problem
    return _answer(problem)


def _answer(problem: Problem) -> JSONResponse:
    headers = {"Retry-After": str(problem.retry_after_seconds)} if problem.retry_after_seconds else {}
    return JSONResponse(problem.body(), problem.status, headers=headers, media_type=MEDIA_TYPE)
