"""Items to search, and the services that index and find them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import insert, select

from app.access.schema.tables import album_items, album_members, albums
from app.events.service.projection import ProjectionUpdater
from app.events.store.cursors import CursorStore
from app.items.schema.row import ItemRow, Result
from app.items.service.lifecycle import Change
from app.pagination import Cursors
from app.search.schema.query import SearchRequest
from app.search.schema.tables import item_index, item_words
from app.search.service.indexing import SearchIndex
from app.search.service.search import SearchService
from app.search.store.index import IndexStore
from app.search.store.search import SearchStore
from app.stores.aurora import Database
from app.worker.projections import ProjectionLoops
from darkroom_process.secret_file import Secret
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, ItemId, new_album_id, new_ulid
from darkroom_shared.items import CreateItem, EditItem, ItemKind
from darkroom_shared.times import utc_now
from tests.services import Services

SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Library:
    services: Services
    database: Database
    index: IndexStore
    updater: ProjectionUpdater
    projection: SearchIndex
    search: SearchService

    @property
    def account(self) -> AccountId:
        return self.services.account

    async def add(self, name: str, caption: str = "", *, day: int = 0) -> ItemRow:
        """Create an item captured on that day of the summer."""
        new_item = CreateItem(
            name=name,
            caption=caption,
            size_bytes=1,
            content_type="image/jpeg",
            digest=f"sha256:{sha256(new_ulid().encode()).hexdigest()}",
            captured_at=SUMMER + timedelta(days=day),
        )
        return (await self.services.uploads.create(self.account, new_item, None)).row

    async def with_facts(self, row: ItemRow, kind: ItemKind, camera: str | None = None) -> ItemRow:
        """Set kind and camera, as a worker does after decoding."""
        result = Result("recipe", 1, 4, 3, camera, "AAAA", None, ())

        def apply_facts(current: ItemRow) -> Change:
            changed = replace(current, kind=kind, result=result, revision=current.revision + 1)
            return Change(changed, "probed", EventType.ITEM_UPDATED)

        return await self.services.base.items.changes.apply(row.account_id, row.item_id, apply_facts)

    async def edit(self, row: ItemRow, **change: object) -> ItemRow:
        return await self.services.item_actions.edit(row, EditItem.model_validate(change), None)

    async def index_all(self) -> None:
        """Apply all events of the log."""
        await self.updater.apply_events(self.account)

    def loops(self) -> ProjectionLoops:
        """Return the projection loops of a worker."""
        cursors = CursorStore(self.database, utc_now)
        updater = ProjectionUpdater(self.services.base.events.log, cursors, [self.projection])
        return ProjectionLoops(updater, self.services.base.amazon.queues)

    async def find(self, text: str | None = None, **filters: object) -> list[str]:
        """Return the names of all matches, read in pages of two."""
        names: list[str] = []
        cursor: str | None = None
        while True:
            page = await self.search.search(self.account, SearchRequest(text, **filters), cursor, 2)  # type: ignore[arg-type]
            names += [row.name for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                return names

    async def make_album(self, title: str, *rows: ItemRow, owner: AccountId | None = None) -> AlbumId:
        """Create an album with these items. With `owner`, it is that account's, and this account is a member."""
        album, now = new_album_id(), self.services.base.clock()
        made = {
            "id": album,
            "owner_id": owner or self.account,
            "title": title,
            "description": "",
            "item_order": "captured",
            "originals_allowed": False,
            "item_count": len(rows),
            "version": 1,
            "items_version": 1,
            "created_at": now,
        }
        async with self.database.writer.write() as connection:
            await connection.execute(insert(albums), [made])
            if owner is not None:
                joined = {"role": "contributor", "joined_at": now, "since_version": 1}
                member = {"album_id": album, "account_id": self.account} | joined
                await connection.execute(insert(album_members), [member])
            for position, row in enumerate(rows):
                placed = {"album_id": album, "item_id": row.item_id, "owner_id": row.account_id, "added_at": now}
                more = {"captured_key": "", "position": position, "added_version": 1, "original_allowed": False}
                await connection.execute(insert(album_items), [placed | more])
        return album

    async def indexed(self) -> dict[ItemId, tuple[str, frozenset[str]]]:
        """Return the whole index of the account as stored in its tables."""
        async with self.database.writer.read() as connection:
            rows = await connection.execute(
                select(item_index.c.item_id, item_index.c.captured_key).where(item_index.c.account_id == self.account)
            )
            items = {ItemId(item): key for item, key in rows}
            page = await connection.execute(
                select(item_words.c.item_id, item_words.c.captured_key, item_words.c.word).where(
                    item_words.c.account_id == self.account
                )
            )
            words: dict[tuple[ItemId, str], set[str]] = {}
            for item, key, word in page:
                words.setdefault((item, key), set()).add(word)
        without_row = {
            item: ("no row", frozenset(those)) for (item, key), those in words.items() if items.get(item) != key
        }
        return {item: (key, frozenset(words.get((item, key), set()))) for item, key in items.items()} | without_row


async def open_library(services: Services, database: Database) -> Library:
    """Return the library of an account with a search projection of its log."""
    index, cursors = IndexStore(database), CursorStore(database, utc_now)
    projection = SearchIndex(services.base.items.rows, index)
    updater = ProjectionUpdater(services.base.events.log, cursors, [projection])
    search = SearchService(services.items, SearchStore(database.readers), Cursors(Secret(b"secret")))
    await cursors.enrol(projection.name, [services.account])
    return Library(services, database, index, updater, projection, search)
