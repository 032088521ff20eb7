"""The scripted service's API: our wire models over real HTTP, with only the rules that the client can observe."""

import base64
import sys
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from darkroom_shared.accounts import ClosedAccount
from darkroom_shared.events import HEAD_HEADER, Progress
from darkroom_shared.ids import ItemId, new_item_id, new_session_id
from darkroom_shared.items import (
    CompletedItem,
    CreatedItem,
    CreateItem,
    DeletedItems,
    DeleteItems,
    EditItem,
    Item,
    ItemPage,
    ItemState,
    MultipartUpload,
    OriginalUrl,
    PartsRequest,
    PartUpload,
    PartUploads,
    Receipt,
    ReceiptStep,
    SingleUpload,
    StoredPart,
    StoredParts,
)
from darkroom_shared.problems import (
    MEDIA_TYPE,
    AddressTaken,
    EventsGone,
    Forbidden,
    IdempotencyMismatch,
    NotFound,
    NotUploaded,
    Problem,
    Unauthenticated,
    WrongState,
)
from darkroom_shared.times import utc_now
from darkroom_shared.uploads import SINGLE_PUT_BYTES, part_count, part_size_bytes, parts_digest
from tests.client.scripted_state import Account, StoredItem

api = FastAPI()
accounts: dict[str, Account] = {}
HERE = f"http://127.0.0.1:{sys.argv[1] if len(sys.argv) > 1 else 0}"


def caller(request: Request) -> Account:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    for account in accounts.values():
        if token in account.tokens and not account.script.drop_sessions:
            return account
    raise Unauthenticated


def matches(request: Request, item_id: str) -> tuple[Account, StoredItem]:
    account = caller(request)
    stored = account.items.get(ItemId(item_id))
    if stored is None or stored.item.state is ItemState.DELETED:
        raise NotFound
    return account, stored


@api.exception_handler(Problem)
async def respond_problem(_: Request, problem: Problem) -> JSONResponse:
    return JSONResponse(problem.body(), problem.status, media_type=MEDIA_TYPE)


@api.post("/v1/accounts", status_code=201)
async def register(request: Request) -> dict[str, Any]:
    body = await request.json()
    if body["email"] in accounts:
        raise AddressTaken
    accounts[body["email"]] = Account(body["email"], body["password"])
    return account_to_wire(accounts[body["email"]])


@api.post("/v1/sessions", status_code=201)
async def sign_in(request: Request) -> dict[str, Any]:
    body = await request.json()
    account = accounts.get(body["email"])
    if account is None or account.password != body["password"]:
        raise Unauthenticated("Address or password are not right.")
    session = {"id": new_session_id(), "label": body.get("label", ""), "created_at": utc_now(), "expires_at": utc_now()}
    return {"session": session | {"current": True}, "account": account_to_wire(account), "token": account.sign_in()}


@api.delete("/v1/sessions/current", status_code=204)
async def sign_out(request: Request) -> None:
    caller(request).tokens.discard(request.headers["authorization"].removeprefix("Bearer "))


@api.get("/v1/account")
async def account(request: Request) -> dict[str, Any]:
    return account_to_wire(caller(request))


@api.delete("/v1/account", status_code=202)
async def close_account(request: Request) -> ClosedAccount:
    account = caller(request)
    if (await request.json())["password"] != account.password:
        raise Forbidden("The password is wrong.")
    del accounts[account.email]
    return ClosedAccount(id=account.id, closed_at=utc_now())


@api.post("/v1/items", status_code=201)
async def create(request: Request, change: CreateItem) -> CreatedItem:
    account, body = caller(request), (await request.body()).decode()
    key = request.headers["idempotency-key"]
    if key in account.requests:
        earlier_body, item_id = account.requests[key]
        if earlier_body != body:
            raise IdempotencyMismatch
        stored = account.items[item_id]
        return CreatedItem(item=stored.item, upload=how_to_upload(account, stored))
    if known := account.live_duplicate(change.digest):
        return CreatedItem(item=known.item, upload=None, duplicate=True)
    stored = account.create(change)
    account.requests[key] = (body, stored.item.id)
    return CreatedItem(item=stored.item, upload=how_to_upload(account, stored))


@api.get("/v1/items")
async def list_items(
    request: Request, response: Response, limit: int = 100, cursor: str | None = None, deleted: bool = False
) -> ItemPage:
    account = caller(request)
    response.headers[HEAD_HEADER] = str(len(account.events))
    stored = [each.item for each in reversed(account.items.values())]
    items = [item for item in stored if (item.state is ItemState.DELETED) == deleted]
    start = int(cursor or 0)
    next_cursor = str(start + limit) if start + limit < len(items) else None
    return ItemPage(items=tuple(items[start : start + limit]), next_cursor=next_cursor)


@api.get("/v1/search")
async def search(
    request: Request, response: Response, q: str = "", kind: str | None = None, cursor: str | None = None
) -> ItemPage:
    """Return one match a page: a page may be shorter than its limit and have a next one."""
    account = caller(request)
    response.headers[HEAD_HEADER] = str(len(account.events))
    stored = [each.item for each in reversed(account.items.values())]
    matches = [item for item in stored if q in f"{item.name} {item.caption}" and kind in (None, item.kind)]
    start = int(cursor or 0)
    return ItemPage(
        items=tuple(matches[start : start + 1]), next_cursor=str(start + 1) if start + 1 < len(matches) else None
    )


@api.get("/v1/items/{item_id}")
async def get_item(request: Request, item_id: str) -> Item:
    return matches(request, item_id)[1].item


@api.patch("/v1/items/{item_id}")
async def edit(request: Request, item_id: str, change: EditItem) -> Item:
    account, stored = matches(request, item_id)
    return account.change(stored, **change.model_dump(exclude_unset=True), version=stored.item.version + 1)


@api.delete("/v1/items/{item_id}", status_code=204)
async def delete(request: Request, item_id: str) -> None:
    account, stored = matches(request, item_id)
    account.change(stored, state=ItemState.DELETED)


@api.post("/v1/items/delete")
async def delete_many(request: Request, change: DeleteItems) -> DeletedItems:
    account = caller(request)
    here = tuple(item for item in change.ids if item in account.items)
    for item in here:
        account.change(account.items[item], state=ItemState.DELETED)
        if change.permanently:
            del account.items[item]
    return DeletedItems(deleted=here, absent=tuple(item for item in change.ids if item not in here))


@api.post("/v1/items/{item_id}/restore")
async def restore(request: Request, item_id: str) -> Item:
    account = caller(request)
    stored = account.items.get(ItemId(item_id))
    if stored is None:
        raise NotFound
    return account.change(stored, state=ItemState.READY)


@api.post("/v1/items/{item_id}/cancel")
async def cancel(request: Request, item_id: str) -> Item:
    account, stored = matches(request, item_id)
    if stored.item.state is ItemState.READY:
        raise WrongState(f"The item is {stored.item.state}.")
    return account.change(stored, state=ItemState.CANCELLED)


@api.get("/v1/items/{item_id}/parts")
async def list_parts(request: Request, item_id: str) -> StoredParts:
    stored = uploading(request, item_id)
    size, step = stored.change.size_bytes, part_size_bytes(stored.change.size_bytes)
    parts = tuple(
        StoredPart(number=number, size_bytes=min(step, size - step * (number - 1)), sha256=digest)
        for number, digest in sorted(stored.parts.items())
    )
    return StoredParts(part_size_bytes=step, part_count=part_count(size), parts=parts)


@api.post("/v1/items/{item_id}/parts")
async def presign_parts(request: Request, item_id: str, change: PartsRequest) -> PartUploads:
    stored = uploading(request, item_id)
    uploads = tuple(
        PartUpload(
            number=part.number,
            url=storage_url(caller(request), stored, part.number),
            headers={"x-amz-checksum-sha256": in_base64(part.sha256)},
        )
        for part in change.parts
    )
    return PartUploads(parts=uploads, expires_at=utc_now())


@api.post("/v1/items/{item_id}/complete", status_code=202)
async def complete(request: Request, item_id: str) -> CompletedItem:
    account, stored = matches(request, item_id)
    if stored.duplicate_of is not None:
        return CompletedItem(item=account.items[stored.duplicate_of].item, duplicate=True)
    if stored.item.state is ItemState.CANCELLED:
        raise WrongState("The item is cancelled.")
    if stored.item.state is not ItemState.UPLOADING:
        return CompletedItem(item=stored.item)
    single = stored.change.size_bytes <= SINGLE_PUT_BYTES
    if len(stored.parts) != (1 if single else part_count(stored.change.size_bytes)):
        raise NotUploaded
    digests = [digest for _, digest in sorted(stored.parts.items())]
    item = account.change(
        stored, state=ItemState.QUEUED, digest=stored.change.digest if single else parts_digest(digests)
    )
    account.finish(stored)
    return CompletedItem(item=item)


@api.get("/v1/items/{item_id}/receipt")
async def receipt(request: Request, item_id: str) -> Receipt:
    matches(request, item_id)
    return Receipt(
        steps=(ReceiptStep(at=utc_now(), step="created", attempt=0, seconds=0.5, details={"lane": "express"}),)
    )


@api.get("/v1/items/{item_id}/original")
async def original(request: Request, item_id: str) -> OriginalUrl:
    account, stored = matches(request, item_id)
    return OriginalUrl(url=storage_url(account, stored, 0), expires_at=utc_now())


@api.get("/v1/events")
async def events(request: Request, after: int = 0, limit: int = 100) -> Response:
    account = caller(request)
    if "text/event-stream" in request.headers.get("accept", ""):
        last = int(request.headers.get("last-event-id", after))
        return StreamingResponse(event_stream(account, last), media_type="text/event-stream")
    if after + 1 < account.script.oldest_event:
        raise EventsGone(oldest=account.script.oldest_event, head=len(account.events))
    page = [event.model_dump(mode="json") for event in account.events[after : after + limit]]
    return JSONResponse({"events": page, "read_to": after + len(page), "head": len(account.events)})


@api.get("/v1/admin/overview")
async def overview(request: Request) -> dict[str, Any]:
    caller(request)
    return {"items_past_deadline": 0, "lanes": {"express": {"waiting": 3}}, "workers": [{"name": "one", "busy": True}]}


@api.post("/control/{email}")
async def control(request: Request, email: str) -> dict[str, Any]:
    """Change the account's script and return its record."""
    account = accounts[email]
    names = {field.name for field in fields(account.script)}
    changes = await request.json()
    if changes.pop("finish_now", False):
        account.script.finishes = True
        for stored in account.items.values():
            account.finish(stored)
    for name, value in changes.items():
        assert name in names, name
        setattr(account.script, name, value)
    account.record.stalled.clear()
    return record_to_wire(account) | {"states": {each.item.id: each.item.state for each in account.items.values()}}


@api.get("/control/{email}/{happened}")
async def until(email: str, happened: Literal["stalled", "completed"]) -> None:
    record = accounts[email].record
    await (record.stalled if happened == "stalled" else record.completed).wait()


async def event_stream(account: Account, last: int) -> AsyncIterator[str]:
    yield ": hello\n\n"
    if not account.script.oldest_event - 1 <= last <= len(account.events):
        last = len(account.events)
        yield f'id: {last}\nevent: reset\ndata: {{"head": {last}}}\n\n'
    yield f"event: progress\ndata: {Progress(id=new_item_id(), percent=50, ready_at=None).model_dump_json()}\n\n"
    sent = 0
    while True:
        grown = account.grown
        for event in account.events[last:]:
            if account.script.cut_stream_after is not None and sent >= account.script.cut_stream_after:
                return
            yield f"id: {event.number}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"
            last, sent = event.number, sent + 1
        await grown.wait()


def uploading(request: Request, item_id: str) -> StoredItem:
    _, stored = matches(request, item_id)
    if stored.item.state is not ItemState.UPLOADING:
        raise WrongState(f"The item is {stored.item.state}.")
    return stored


def how_to_upload(account: Account, stored: StoredItem) -> SingleUpload | MultipartUpload | None:
    change = stored.change
    if stored.item.state is not ItemState.UPLOADING:
        return None
    if change.size_bytes > SINGLE_PUT_BYTES:
        return MultipartUpload(
            part_size_bytes=part_size_bytes(change.size_bytes), part_count=part_count(change.size_bytes)
        )
    headers = {
        "Content-Type": "application/octet-stream",
        "x-amz-checksum-sha256": in_base64((change.digest or "").removeprefix("sha256:")),
    }
    return SingleUpload(url=storage_url(account, stored, 0), headers=headers, expires_at=utc_now())


def in_base64(sha256_hex: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256_hex)).decode()


def storage_url(account: Account, stored: StoredItem, part: int) -> str:
    return f"{HERE}/s3/{account.id}/{stored.item.id}/{part}?signature=secret"


def record_to_wire(account: Account) -> dict[str, Any]:
    record = account.record
    counts = {"received_bytes": record.received_bytes, "stored_bytes": record.stored_bytes}
    return {"requests": record.requests, "puts": record.puts} | counts


def account_to_wire(account: Account) -> dict[str, Any]:
    return {"id": account.id, "email": account.email, "administrator": False, "created_at": utc_now().isoformat()}
