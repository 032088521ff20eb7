"""Search: own items by words, camera, album, kind and time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from darkroom_client.connection import Connection, parsed
from darkroom_client.items import PAGE_ITEMS, ListedItems
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.ids import AlbumId
from darkroom_shared.items import Item, ItemKind, ItemPage
from darkroom_shared.times import to_rfc3339


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """Each field narrows the result. `text` is words, the last one a prefix. `captured_from` is inclusive,
    `captured_to` exclusive.
    """

    text: str | None = None
    camera: str | None = None
    album: AlbumId | None = None
    kind: ItemKind | None = None
    captured_from: datetime | None = None
    captured_to: datetime | None = None

    def parameters(self) -> dict[str, str | int]:
        named: dict[str, str | None] = {
            "q": self.text,
            "camera": self.camera,
            "album": self.album,
            "kind": self.kind.value if self.kind else None,
            "captured_from": to_rfc3339(self.captured_from) if self.captured_from else None,
            "captured_to": to_rfc3339(self.captured_to) if self.captured_to else None,
        }
        return {name: value for name, value in named.items() if value is not None}


class Search:
    """Available as `client.search`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, request: SearchRequest, *, limit: int = PAGE_ITEMS, cursor: str | None = None) -> ListedItems:
        """Return one page, newest capture first. A page may be short or empty and still have a `next_cursor`."""
        parameters = request.parameters() | {"limit": limit} | ({"cursor": cursor} if cursor is not None else {})
        response = await self._connection.send("GET", "/v1/search", parameters=parameters)
        page = parsed(response, ItemPage)
        return ListedItems(page.items, page.next_cursor, int(response.headers.get(HEAD_HEADER, "0")))

    async def find_all(self, request: SearchRequest) -> AsyncIterator[Item]:
        """Iterate over every match; pages are fetched as they are consumed."""
        cursor: str | None = None
        while True:
            page = await self.page(request, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return
