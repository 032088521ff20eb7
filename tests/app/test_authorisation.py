"""Send every route of the OpenAPI document as every kind of caller and compare the status codes with one table."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from app.items.store import ItemStore
from darkroom_shared.albums import Role
from darkroom_shared.ids import (
    ItemId,
    new_account_id,
    new_album_id,
    new_comment_id,
    new_export_id,
    new_invitation_id,
    new_item_id,
    new_session_id,
    new_share_id,
    new_ulid,
)
from tests.services import ManualClock, Stores, open_services
from tests.share_links.sharing_services import Json, Link, Person, SharingServices, open_sharing_services

TABLE = Path(__file__).with_name("authorisation.txt")
ACTORS = ("anonymous", "revoked", "unrelated", "viewer", "contributor", "link")
ENDS_SESSIONS = {("DELETE", "/v1/sessions"), ("DELETE", "/v1/sessions/current")}
UNSETTABLE: Json = {"id": "itm_1", "account_id": "acc_1", "owner_id": "acc_1", "administrator": True, "version": 9}
"""Fields that some responses contain and no client may set."""

NO_PASSWORD = {"password": "not the right one"}
BODIES: dict[str, Callable[[Json], Json]] = {
    "POST /v1/accounts": lambda _: {"email": f"{new_ulid().lower()}@example.org", "password": "correct horse battery"},
    "PATCH /v1/account": lambda _: {"name": None},
    "DELETE /v1/account": lambda _: NO_PASSWORD,
    "POST /v1/sessions": lambda _: {"email": "absent@example.org"} | NO_PASSWORD,
    "POST /v1/items": lambda _: {
        "name": "a.jpg", "size_bytes": 1, "content_type": "image/jpeg", "digest": f"sha256:{'0' * 64}",
    },
    "PATCH /v1/items/{item}": lambda _: {"caption": "Mine now"},
    "POST /v1/items/{item}/parts": lambda _: {"parts": [{"number": 1, "sha256": "0" * 64}]},
    "POST /v1/items/delete": lambda ids: {"ids": [ids["item"]]},
    "POST /v1/items/{item}/comments": lambda _: {"text": "Hello"},
    "PATCH /v1/items/{item}/comments/{comment}": lambda _: {"text": "Mine now"},
    "POST /v1/comments/read": lambda ids: {"up_to": ids["comment"]},
    "POST /v1/albums": lambda _: {"title": "Another"},
    "PATCH /v1/albums/{album}": lambda _: {"title": "Renamed"},
    "POST /v1/albums/{album}/items": lambda ids: {"ids": [ids["item"]]},
    "POST /v1/albums/{album}/items/remove": lambda ids: {"ids": [ids["item"]]},
    "POST /v1/albums/{album}/items/move": lambda ids: {"ids": [ids["item"]], "after": ids["other_item"]},
    "PATCH /v1/albums/{album}/members/{account}": lambda _: {"role": Role.CONTRIBUTOR},
    "POST /v1/albums/{album}/transfer": lambda ids: {"account_id": ids["account"]},
    "POST /v1/albums/{album}/invitations": lambda _: {"role": Role.VIEWER},
    "POST /v1/invitations/accept": lambda _: {"token": f"dri_{'x' * 43}"},
    "POST /v1/albums/{album}/shares": lambda _: {},
    "PATCH /v1/albums/{album}/shares/{share}": lambda _: {"label": "Mine now"},
    "POST /v1/shared/unlock": lambda _: NO_PASSWORD,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    has_body: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names_resource(self) -> bool:
        return "{" in self.path


@dataclass(frozen=True, slots=True)
class AccessScenario:
    """An owner with one resource of each kind, and the callers that try to access them."""

    sharing: SharingServices
    routes: list[Route]
    owner: Person
    actors: dict[str, Person | Link]
    ids: Json

    async def request(
        self, caller: Person | Link, route: Route, ids: Json, further: Json | None = None
    ) -> httpx.Response:
        body = BODIES[str(route)](ids) | (further or {}) if route.has_body else None
        return await caller.request(route.method, route.path.format(**ids).removeprefix("/v1/"), body)

    async def actor(self, name: str, route: Route) -> Person | Link:
        """Return a new user with the same rights as `name` if the route ends the caller's sessions."""
        caller = self.actors[name]
        ends = (route.method, route.path) in ENDS_SESSIONS and name not in {"anonymous", "revoked"}
        return await self.sharing.user() if ends and isinstance(caller, Person) else caller

    async def owner_resources(self) -> list[Any]:
        """Return everything that belongs to the owner and that no other caller may change."""
        album = f"albums/{self.ids['album']}"
        lists = ("items", "members", "shares", "invitations", "transfer")
        paths = [f"items/{self.ids['item']}", album, *(f"{album}/{each}" for each in lists), "account", "sessions"]
        return [_without_urls(await self.owner.get(path)) for path in paths]


def _without_urls(value: Any) -> Any:
    """Leave out signed URLs, which change with the hour."""
    if isinstance(value, list):
        return [_without_urls(each) for each in value]
    if isinstance(value, dict):
        signed = {"url", "playlist_url", "urls_expire_at"}
        return {name: _without_urls(each) for name, each in value.items() if name not in signed}
    return value


@pytest_asyncio.fixture(scope="module")
async def scenario(stores: Stores, make_sqlite: Callable[[], str]) -> AsyncIterator[AccessScenario]:
    """The owner is the installation's first account and therefore its administrator; the other accounts are not."""
    async with (
        open_services(stores, ManualClock()) as services,
        open_sharing_services(stores, services, database_url=make_sqlite()) as sharing,
    ):
        yield await _populated(sharing)


async def _populated(sharing: SharingServices) -> AccessScenario:
    owner, invitee, other_account, viewer, contributor = [await sharing.user() for _ in range(5)]
    video, other = await owner.video(), await owner.photo()
    album = await owner.album(video, other)
    for user, role in ((invitee, Role.VIEWER), (viewer, Role.VIEWER), (contributor, Role.CONTRIBUTOR)):
        await owner.invite(album, user, role)
    link = await owner.share(album)
    revoked = await sharing.once_more(owner)
    assert (await revoked.request("DELETE", "sessions/current")).status_code == 204
    row = await ItemStore(sharing.services.base.amazon.dynamo).require(owner.account, ItemId(video))
    invited = await owner.post(f"albums/{album}/invitations", {})
    await owner.post(f"albums/{album}/transfer", {"account_id": invitee.account})
    ids = {
        "item": video,
        "other_item": other,
        "album": album,
        "account": invitee.account,
        "share": link.id,
        "invitation": invited["invitation"]["id"],
        "comment": (await owner.post(f"items/{video}/comments", {"text": "Mine"}))["id"],
        "export": (await owner.post("account/exports", None))["id"],
        "session": next(each["id"] for each in (await owner.get("sessions"))["sessions"] if each["current"]),
        "attempt": row.attempt,
        "rung": "360p",
    }
    anonymous = Person(sharing.http, sharing.services, new_account_id(), {"Authorization": ""})
    callers = (anonymous, revoked, other_account, viewer, contributor, link)
    return AccessScenario(sharing, await _routes(sharing), owner, dict(zip(ACTORS, callers, strict=True)), ids)


async def _routes(sharing: SharingServices) -> list[Route]:
    paths = (await sharing.http.get("openapi.json")).json()["paths"]
    return [
        Route(method.upper(), path, "requestBody" in operation)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if path.startswith("/v1/")
    ]


def _absent(ids: Json) -> Json:
    """Return the ids with each resource's id replaced by one that never existed."""
    return ids | {
        "item": new_item_id(),
        "album": new_album_id(),
        "account": new_account_id(),
        "share": new_share_id(),
        "invitation": new_invitation_id(),
        "comment": new_comment_id(),
        "export": new_export_id(),
        "session": new_session_id(),
    }


def _expected() -> dict[str, tuple[int, ...]]:
    lines = [line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return {f"{method} {path}": tuple(map(int, codes)) for method, path, *codes in lines}


async def test_every_route_treats_every_actor_as_the_table_states(
    scenario: AccessScenario,
) -> None:
    before = await scenario.owner_resources()
    actual = {
        str(route): tuple(
            [
                (await scenario.request(await scenario.actor(name, route), route, scenario.ids)).status_code
                for name in ACTORS
            ]
        )
        for route in scenario.routes
    }
    assert actual == _expected(), f"a route that is missing in {TABLE.name} belongs there:\n{_as_table(actual)}"
    assert await scenario.owner_resources() == before


async def test_another_accounts_resource_equals_an_absent_one(scenario: AccessScenario) -> None:
    """An unrelated account must not distinguish any resource from an absent one; a viewer or a share link, none outside
    the shared album."""
    private = scenario.ids | {"item": await scenario.owner.photo(), "album": await scenario.owner.album()}
    absent, different = _absent(scenario.ids), []
    for route in [each for each in scenario.routes if each.names_resource]:
        for name, unrelated in (("unrelated", scenario.ids), ("viewer", private), ("link", private)):
            responses = [await scenario.request(scenario.actors[name], route, ids) for ids in (unrelated, absent)]
            if len({(response.status_code, response.text) for response in responses}) != 1:
                different.append(f"{name}: {route}")
    assert different == []


async def test_no_client_can_set_a_read_only_field(scenario: AccessScenario) -> None:
    accepted = []
    for route in [each for each in scenario.routes if each.has_body]:
        for field, value in UNSETTABLE.items():
            if field in BODIES[str(route)](scenario.ids):
                continue
            response = await scenario.request(scenario.owner, route, scenario.ids, {field: value})
            named = [each["field"] for each in response.json().get("errors", [])]
            if response.status_code != 422 or field not in named:
                accepted.append(f"{route}: {field} gave {response.status_code}")
    assert accepted == []


def _as_table(actual: dict[str, tuple[int, ...]]) -> str:
    return "\n".join(f"{route:<60} {'  '.join(map(str, codes))}" for route, codes in actual.items())
