"""People who share albums over HTTP on real stores, each with an account and photos of their own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from app.items.schema.row import ItemRow, Result, StoredRendition
from app.items.store import ItemStore, row_action
from app.main import State
from app.settings import Registration
from darkroom_shared.ids import AccountId, ItemId, new_item_id
from darkroom_shared.items import ItemKind, ItemState
from tests.api import add_account, open_app
from tests.services import Stores

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RECIPE = "0" * 16
STATUS_OF_ABSENT = 404
MAX_ACTIONS = 100
"""Of one transaction in DynamoDB."""
NO_HASH = "no password"

Json = dict[str, Any]


def a_photo(account: AccountId, captured_at: datetime = NOON) -> ItemRow:
    """Return a ready item, as a worker leaves it."""
    small = StoredRendition("small", "small.webp", "image/webp", 400, 300, 9, "0" * 64)
    return ItemRow(
        account_id=account,
        item_id=new_item_id(),
        state=ItemState.READY,
        name="photo.jpg",
        caption="",
        size_bytes=9,
        content_type="image/jpeg",
        created_at=NOON,
        captured_at=captured_at,
        digest=f"sha256:{'0' * 64}",
        kind=ItemKind.IMAGE,
        attempt=1,
        result=Result(RECIPE, 1, 400, 300, None, "", None, (small,)),
    )


@dataclass(frozen=True, slots=True)
class Person:
    http: httpx.AsyncClient
    account: AccountId
    items: ItemStore

    async def photo(self, hours: int = 0, **changes: Any) -> ItemId:
        """Add a photo captured `hours` after noon."""
        row = replace(a_photo(self.account, NOON + timedelta(hours=hours)), **changes)
        await self.items.write([row_action(row)])
        return row.item_id

    async def photos(self, count: int) -> list[ItemId]:
        """Add `count` photos, captured an hour apart."""
        return [await self.photo(hour) for hour in range(count)]

    async def photos_of_one_moment(self, count: int) -> list[ItemId]:
        """Add `count` photos with the same capture time; return them in the order of an album."""
        rows = sorted((a_photo(self.account) for _ in range(count)), key=lambda row: row.item_id)
        for start in range(0, count, MAX_ACTIONS):
            await self.items.write([row_action(row) for row in rows[start : start + MAX_ACTIONS]])
        return [row.item_id for row in rows]

    async def album(self, *items: ItemId, **fields: Any) -> str:
        """Create an album with these items."""
        response = await self.http.post("albums", json={"title": "Summer"} | fields)
        assert response.status_code == 201, response.text
        album: str = response.json()["id"]
        if items:
            await self.add(album, *items)
        return album

    async def add(self, album: str, *items: ItemId) -> Json:
        return await self.done(self.http.post(f"albums/{album}/items", json={"ids": items}))

    async def remove(self, album: str, *items: ItemId) -> Json:
        return await self.done(self.http.post(f"albums/{album}/items/remove", json={"ids": items}))

    async def invite(self, album: str, invitee: "Person", role: str = "viewer") -> None:
        """Invite `invitee` and accept the invitation."""
        invited = await self.http.post(f"albums/{album}/invitations", json={"role": role})
        assert invited.status_code == 201, invited.text
        await self.done(invitee.http.post("invitations/accept", json={"token": invited.json()["token"]}))

    async def visible_items(self, album: str, limit: int = 100) -> list[ItemId]:
        """Return all items of the album, read page by page."""
        items: list[ItemId] = []
        cursor: str | None = None
        while True:
            parameters: Json = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = await self.done(self.http.get(f"albums/{album}/items", params=parameters))
            items += [each["item"]["id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    async def sees(self, item: ItemId) -> bool:
        response = await self.http.get(f"items/{item}")
        assert response.status_code in (200, STATUS_OF_ABSENT), response.text
        return response.status_code == 200

    async def done(self, request: Any) -> Json:
        """Await the request, assert that it succeeded and return its body."""
        response: httpx.Response = await request
        assert response.is_success, response.text
        body: Json = response.json() if response.content else {}
        return body


@dataclass(frozen=True, slots=True)
class AlbumServices:
    anonymous: httpx.AsyncClient
    state: State
    stack: AsyncExitStack
    database_url: str

    async def person(self) -> Person:
        """Return a new account, signed in."""
        added = await add_account(self.state)
        http = await self.stack.enter_async_context(
            httpx.AsyncClient(
                transport=self.anonymous._transport, base_url=self.anonymous.base_url, headers=added.headers, timeout=60
            )
        )
        return Person(http, added.account, self.state["items"]._store)


@asynccontextmanager
async def open_album_services(stores: Stores, database_url: str) -> AsyncIterator[AlbumServices]:
    settings = stores.settings(registration=Registration.OPEN, database_url=database_url)
    async with AsyncExitStack() as stack:
        client, state = await stack.enter_async_context(open_app(settings))
        yield AlbumServices(client, state, stack, database_url)
