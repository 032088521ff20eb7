"""Albums: the routes under `/v1/albums` and `/v1/invitations`, one method each."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

from darkroom_client.connection import Body, Connection
from darkroom_shared.albums import (
    MAX_ITEMS_PER_REQUEST,
    AddedItems,
    AddItems,
    Album,
    AlbumItem,
    AlbumItemPage,
    AlbumPage,
    CreateAlbum,
    CreateInvitation,
    EditAlbum,
    Member,
    MemberPage,
    MoveItems,
    NewInvitation,
    RemovedItems,
    RemoveItems,
    Role,
)
from darkroom_shared.ids import AccountId, AlbumId, ItemId

PATH = "/v1/albums"

PageT = TypeVar("PageT", AlbumPage, AlbumItemPage, MemberPage)


class Albums:
    """Available as `client.albums`. Raises NotFound if the album is absent or not shared with the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, album: CreateAlbum) -> Album:
        return await self._connection.request("POST", PATH, Album, album)

    async def list(self) -> AsyncIterator[Album]:
        """Iterate over own and joined albums, newest first."""
        async for page in self._pages(PATH, AlbumPage):
            for album in page.albums:
                yield album

    async def require(self, album: AlbumId) -> Album:
        return await self._connection.request("GET", f"{PATH}/{album}", Album)

    async def edit(self, album: AlbumId, change: EditAlbum, *, expected_version: int | None = None) -> Album:
        """Change the fields that are set. Raises Outdated if the album is not at `expected_version`."""
        headers = {"If-Match": f'"{expected_version}"'} if expected_version is not None else None
        return await self._connection.request("PATCH", f"{PATH}/{album}", Album, _named(change), headers=headers)

    async def delete(self, album: AlbumId) -> None:
        """Delete the album; its items stay."""
        await self._connection.send("DELETE", f"{PATH}/{album}")

    async def items(self, album: AlbumId) -> AsyncIterator[AlbumItem]:
        """Iterate over the items in the album's order."""
        async for page in self._pages(f"{PATH}/{album}/items", AlbumItemPage):
            for item in page.items:
                yield item

    async def add(self, album: AlbumId, items: Sequence[ItemId]) -> AddedItems:
        """Add own items, in requests of at most 500."""
        added: list[ItemId] = []
        absent: list[ItemId] = []
        for some in _portions(items):
            response = await self._connection.request("POST", f"{PATH}/{album}/items", AddedItems, AddItems(ids=some))
            added += response.added
            absent += response.absent
        return AddedItems(added=tuple(added), absent=tuple(absent))

    async def remove(self, album: AlbumId, items: Sequence[ItemId]) -> RemovedItems:
        """Remove items from the album; the items themselves stay."""
        removed: list[ItemId] = []
        absent: list[ItemId] = []
        for some in _portions(items):
            path, body = f"{PATH}/{album}/items/remove", RemoveItems(ids=some)
            response = await self._connection.request("POST", path, RemovedItems, body)
            removed += response.removed
            absent += response.absent
        return RemovedItems(removed=tuple(removed), absent=tuple(absent))

    async def move(self, album: AlbumId, move: MoveItems) -> None:
        await self._connection.send("POST", f"{PATH}/{album}/items/move", body=move)

    async def members(self, album: AlbumId) -> AsyncIterator[Member]:
        """Iterate over the members by name; e-mail addresses are not included."""
        async for page in self._pages(f"{PATH}/{album}/members", MemberPage):
            for member in page.members:
                yield member

    async def remove_member(self, album: AlbumId, account: AccountId) -> None:
        """Remove a member; with the caller's own id, leave the album."""
        await self._connection.send("DELETE", f"{PATH}/{album}/members/{account}")

    async def invite(self, album: AlbumId, *, role: Role = Role.VIEWER, label: str = "") -> NewInvitation:
        """Create an invitation. Its token is for one person."""
        body = CreateInvitation.model_validate({"role": role, "label": label})
        return await self._connection.request("POST", f"{PATH}/{album}/invitations", NewInvitation, body, keyless=True)

    async def accept(self, token: str) -> Album:
        """Join the album that the invitation is for."""
        return await self._connection.request("POST", "/v1/invitations/accept", Album, {"token": token}, keyless=True)

    async def _pages(self, path: str, kind: type[PageT]) -> AsyncIterator[PageT]:
        cursor: str | None = None
        while True:
            page = await self._connection.request("GET", path, kind, parameters={"cursor": cursor} if cursor else {})
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return


def _named(change: EditAlbum) -> Body:
    fields: dict[str, Any] = change.model_dump(mode="json", exclude_unset=True)
    return fields


def _portions(items: Sequence[ItemId]) -> list[tuple[ItemId, ...]]:
    starts = range(0, len(items), MAX_ITEMS_PER_REQUEST)
    return [tuple(items[start : start + MAX_ITEMS_PER_REQUEST]) for start in starts]
