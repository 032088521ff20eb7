"""The async client: one object per account and server, opened with `async with`."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from darkroom_client import events
from darkroom_client.albums import Albums
from darkroom_client.connection import Connection
from darkroom_client.downloads import Expected, download
from darkroom_client.errors import UnexpectedResponse
from darkroom_client.exports import Exports
from darkroom_client.items import Items
from darkroom_client.journal import UploadJournal
from darkroom_client.retry import API_RETRIES, RetryPolicy
from darkroom_client.search import Search
from darkroom_client.sessions import Sessions
from darkroom_client.storage import Storage
from darkroom_client.upload_targets import UploadTargets
from darkroom_client.uploads import ProgressCallback, Uploaded, Uploads
from darkroom_shared.events import EventPage
from darkroom_shared.exports import Export
from darkroom_shared.ids import AccountId
from darkroom_shared.items import Item, Rendition


class DarkroomClient:
    """`async with DarkroomClient("https://photos.example", token=…) as client: await client.upload("a.jpg")`.

    `journal` is the path of a file that records interrupted uploads across processes. Every call raises the problems
    of `shared/darkroom_shared/problems.py`, or `darkroom_client.errors.NotReachable` if the service does not respond.
    """

    def __init__(
        self, url: str, *, token: str | None = None, journal: Path | None = None, retries: RetryPolicy = API_RETRIES
    ) -> None:
        self._connection = Connection(url, token, retries)
        self._journal = None if journal is None else UploadJournal(journal)
        self._storage = Storage()
        self._account_id: AccountId | None = None
        self._account_lock = asyncio.Lock()
        self._closing = AsyncExitStack()
        self.sessions = Sessions(self._connection)
        self.items = Items(self._connection)
        self.albums = Albums(self._connection)
        self.exports = Exports(self._connection)
        self.search = Search(self._connection)
        targets = UploadTargets(self.items, self._journal, str(self._connection.url), self._require_account_id)
        self._uploads = Uploads(self.items, self._storage, targets)

    @property
    def url(self) -> str:
        return str(self._connection.url)

    async def __aenter__(self) -> Self:
        if self._journal is not None:
            self._closing.push_async_callback(self._journal.aclose)
        self._closing.push_async_callback(self._storage.aclose)
        self._closing.push_async_callback(self._connection.aclose)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def upload(
        self, path: Path | str, *, caption: str = "", on_progress: ProgressCallback | None = None
    ) -> Uploaded:
        """See `Uploads.upload`."""
        return await self._uploads.upload(Path(path), caption=caption, on_progress=on_progress)

    async def download_original(
        self, item: Item, target: Path, *, force: bool = False, on_bytes: Callable[[int], None] | None = None
    ) -> None:
        """See `downloads.download`."""

        async def link() -> str:
            return (await self.items.original(item.id)).url

        expected = Expected(item.size_bytes, item.digest)
        await download(self._storage, link, target, expected, force=force, on_bytes=on_bytes)

    async def download_rendition(
        self,
        item: Item,
        rendition: Rendition,
        target: Path,
        *,
        force: bool = False,
        on_bytes: Callable[[int], None] | None = None,
    ) -> None:
        """See `downloads.download`."""

        async def link() -> str:
            fresh = await self.items.require(item.id)
            urls = [current.url for current in fresh.renditions if current.name == rendition.name and current.url]
            if not urls:
                raise UnexpectedResponse(f"the item no longer has a rendition called {rendition.name}")
            return urls[0]

        expected = Expected(rendition.size_bytes, None)
        await download(self._storage, link, target, expected, force=force, on_bytes=on_bytes)

    async def download_export(
        self, export: Export, target: Path, *, force: bool = False, on_bytes: Callable[[int], None] | None = None
    ) -> None:
        """Download an export that is ready. See `downloads.download`."""

        async def link() -> str:
            url = (await self.exports.require(export.id)).url
            if url is None:
                raise UnexpectedResponse("an export that is ready has no address")
            return url

        expected = Expected(export.size_bytes or 0, None)
        await download(self._storage, link, target, expected, force=force, on_bytes=on_bytes)

    def events(self, *, after: int) -> AsyncGenerator[events.StreamedEvent, None]:
        """Stream every event after number `after`, without end; see `events.stream_events`."""
        return events.stream_events(self._connection, after=after)

    async def event_page(self, *, after: int, limit: int = 100, wait_seconds: int = 0) -> EventPage:
        """Return a page of events. Raises EventsGone (extras `oldest` and `head`) if `after` is before the oldest
        stored event.
        """
        return await events.event_page(self._connection, after=after, limit=limit, wait_seconds=wait_seconds)

    async def overview(self) -> dict[str, Any]:
        """Return the installation's numbers; for administrators."""
        current = (await self._connection.send("GET", "/v1/admin/overview")).json()
        if not isinstance(current, dict):
            raise UnexpectedResponse("the overview is not what this client expects")
        return current

    async def _require_account_id(self) -> AccountId:
        async with self._account_lock:
            if self._account_id is None:
                self._account_id = (await self.sessions.account()).id
            return self._account_id
