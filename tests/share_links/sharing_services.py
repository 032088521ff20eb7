"""Users with photos and albums over HTTP, for the tests of sharing and of comments."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import httpx

from app.main import State
from app.settings import Registration
from darkroom_shared.albums import Role
from darkroom_shared.ids import AccountId, new_ulid
from darkroom_shared.items import ItemKind
from darkroom_shared.sharing import SHARE_HEADER
from tests.api import PASSWORD, add_account, open_app
from tests.items.sample_videos import claimed_in_bulk, poster, ready
from tests.services import Services, Stores

Json = dict[str, Any]
NO_AUTHORIZATION = {"Authorization": ""}
NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in user; each method sends a request of theirs."""

    http: httpx.AsyncClient
    services: Services
    account: AccountId
    headers: dict[str, str]

    async def request(
        self, method: str, path: str, json: Json | None = None, headers: Mapping[str, str] = NOTHING_MORE
    ) -> httpx.Response:
        return await self.http.request(method, path, json=json, headers=self.headers | dict(headers))

    async def get(self, path: str) -> Any:
        return _good(await self.request("GET", path)).json()

    async def post(self, path: str, json: Json | None, headers: Mapping[str, str] = NOTHING_MORE) -> Any:
        return _good(await self.request("POST", path, json, headers)).json()

    async def photo(self) -> str:
        """Add a ready photo and return its id. Its original is in S3; its renditions need not be."""
        row = await self.worker.queued(new_ulid().encode())
        claimed = await self.worker.work.claim(row.account_id, row.item_id)
        done = await self.worker.work.finish(claimed, ItemKind.IMAGE, poster(claimed.attempt), [])
        return done.item_id

    async def video(self) -> str:
        """Add a video whose playlists are in S3 and return its id."""
        return (await ready(self.worker, await claimed_in_bulk(self.worker))).item_id

    async def album(self, *items: str) -> str:
        album: str = (await self.post("albums", {"title": "Autumn", "description": "In the hills."}))["id"]
        if items:
            await self.post(f"albums/{album}/items", {"ids": list(items)})
        return album

    async def invite(self, album: str, invitee: "Person", role: Role = Role.VIEWER) -> None:
        """Invite `invitee` and accept the invitation."""
        invited = await self.post(f"albums/{album}/invitations", {"role": role})
        await invitee.post("invitations/accept", {"token": invited["token"]})

    async def share(self, album: str, **fields: Any) -> "Link":
        made = await self.post(f"albums/{album}/shares", fields)
        return Link(self.http, made["share"]["id"], made["token"])

    @property
    def worker(self) -> Services:
        """A worker's services, for items of this account."""
        return replace(self.services, account=self.account)


@dataclass(frozen=True, slots=True)
class Link:
    """A share link, used by a visitor without an account."""

    http: httpx.AsyncClient
    id: str
    token: str

    async def request(
        self, method: str, path: str, json: Json | None = None, headers: Mapping[str, str] = NOTHING_MORE
    ) -> httpx.Response:
        sent = NO_AUTHORIZATION | {SHARE_HEADER: self.token} | dict(headers)
        return await self.http.request(method, path, json=json, headers=sent)

    async def get(self, path: str) -> Any:
        return _good(await self.request("GET", path)).json()

    async def status(self, path: str) -> int:
        return (await self.request("GET", path)).status_code


@dataclass(frozen=True, slots=True)
class SharingServices:
    """One app process, and a worker's services on the same stores to make items ready."""

    http: httpx.AsyncClient
    state: State
    services: Services

    async def user(self) -> Person:
        added = await add_account(self.state)
        return Person(self.http, self.services, added.account, added.headers)

    async def once_more(self, user: Person) -> Person:
        """Return the same user with another session."""
        account = await user.get("account")
        body = {"email": account["email"], "password": PASSWORD}
        response = _good(await self.http.post("sessions", json=body, headers=NO_AUTHORIZATION))
        return replace(user, headers={"Authorization": f"Bearer {response.json()['token']}"})


@asynccontextmanager
async def open_sharing_services(
    stores: Stores, services: Services, **settings: object
) -> AsyncIterator[SharingServices]:
    async with open_app(stores.settings(**({"registration": Registration.OPEN} | settings))) as (http, state):
        yield SharingServices(http, state, services)


def _good(response: httpx.Response) -> httpx.Response:
    assert response.is_success, (
        f"{response.request.method} {response.request.url}: {response.status_code} {response.text}"
    )
    return response
