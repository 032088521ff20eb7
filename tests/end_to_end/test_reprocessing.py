"""`darkroom admin reprocess` on a running Darkroom: items of an earlier release are processed again and rolled back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from app.items.schema.keys import rendition_key
from app.items.schema.row import ItemRow
from app.items.service.lifecycle import Change
from app.items.store import ItemStore
from app.media.recipe import recipe_hash
from app.services import Foundation, open_foundation
from app.settings import Settings
from darkroom_client.client import DarkroomClient
from darkroom_process.settings import read_settings
from darkroom_shared.ids import AccountId
from darkroom_shared.items import Item, ItemState
from darkroom_shared.times import utc_now
from tests.browser.photos import photos
from tests.end_to_end.operator import admin, enter
from tests.installation import Installation

EARLIER = "earlier"


async def test_photos_of_an_earlier_release_are_reprocessed_and_rolled_back(
    darkroom: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in json.loads((darkroom.folder / "app.json").read_text()).items():
        monkeypatch.setenv(name, value)
    async with DarkroomClient(darkroom.url) as client, httpx.AsyncClient(trust_env=False, timeout=60) as http:
        account = AccountId(await enter(client))
        items = [await ready(client, photo) for photo in photos(tmp_path, 2)]
        async with beside() as base:
            await as_an_earlier_release_left_it(base, account, items[0], tmp_path)
        assert "1 of 2 ready items" in await admin(darkroom, "reprocess", "--dry-run", "--account", account)
        assert await displayed_recipe(client, http, items[0]) == EARLIER
        assert "1 reprocessed" in await admin(darkroom, "reprocess", "--account", account)
        assert await displayed_recipe(client, http, items[0]) == recipe_hash()
        assert "1 items" in await admin(darkroom, "reprocess", "--roll-back", "--account", account)
        assert await displayed_recipe(client, http, items[0]) == EARLIER
        events = (await client.event_page(after=0)).events
        assert [event.type for event in events if event.subject == items[0].id] == [
            "item.created", "item.ready", "item.updated", "item.updated",
        ]  # fmt: skip


@asynccontextmanager
async def beside() -> AsyncIterator[Foundation]:
    """Open the installation's stores in this process."""
    async with AsyncExitStack() as stack:
        yield await open_foundation(read_settings(Settings), stack, utc_now)


async def ready(client: DarkroomClient, photo: Path) -> Item:
    item = (await client.upload(photo)).item
    async with asyncio.timeout(60):
        while item.state is not ItemState.READY:
            await asyncio.sleep(0.2)
            item = await client.items.require(item.id)
    return item


async def as_an_earlier_release_left_it(base: Foundation, account: AccountId, item: Item, folder: Path) -> None:
    """Change the row as if the same files had been made with another recipe."""

    def renamed(row: ItemRow) -> Change:
        assert row.result is not None
        files = tuple(replace(each, recipe=EARLIER) for each in row.result.renditions)
        result = replace(row.result, recipe=EARLIER, renditions=files)
        return Change(replace(row, result=result, revision=row.revision + 1), "renamed")

    row = await ItemStore(base.amazon.dynamo).require(account, item.id)
    assert row.result is not None
    for each in row.result.renditions:
        (folder / each.file).write_bytes(
            await base.amazon.objects.read(
                rendition_key(account, item.id, recipe_hash(), row.result.attempt, each.file)
            )
        )
        key = rendition_key(account, item.id, EARLIER, row.result.attempt, each.file)
        await base.amazon.objects.upload_small_file(
            key, folder / each.file, content_type=each.content_type, cache_control="private"
        )
    await base.items.changes.apply(account, item.id, renamed)


async def displayed_recipe(client: DarkroomClient, http: httpx.AsyncClient, item: Item) -> str:
    """Return the recipe of the files that a client receives for the item."""
    urls = [each.url or "" for each in (await client.items.require(item.id)).renditions]
    assert [(await http.get(url)).status_code for url in urls] == [200] * len(urls)
    (recipe,) = {url.split("?")[0].split("/")[-3] for url in urls}
    return recipe
