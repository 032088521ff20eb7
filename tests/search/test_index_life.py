"""The index matches the rows despite crashes, duplicates, delays, rebuilds during use, and erasure."""

import asyncio
import random
from dataclasses import replace

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.schema.tables import accounts
from app.events.store.cursors import CursorStore
from app.events.store.relational import RelationalEvents
from app.items.store import ItemStore
from app.projections import SEARCH
from app.search.schema.entries import entry
from app.search.schema.tables import item_index, item_words
from app.search.service import indexing
from app.stores.aurora import Database
from app.stores.resources import NUDGES_QUEUE
from darkroom_shared.ids import AccountId, ItemId, new_account_id, new_item_id
from darkroom_shared.items import ItemKind
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import utc_now
from tests.search.library import Library

CAPTIONS = ("sea", "lake at dawn", "東京", "a sea of words", "")


async def true_index(library: Library) -> dict[ItemId, tuple[str, frozenset[str]]]:
    """Return the index that follows from the rows alone."""
    expected = {}
    async for page in ItemStore(library.services.base.amazon.dynamo).pages_of(library.account):
        for row in page:
            made = entry(row)
            if made is not None:
                expected[row.item_id] = (made.captured_key, made.words)
    return expected


async def change_something(library: Library, chance: random.Random) -> None:
    """Add, edit, delete, restore or process a random item."""
    rows = [
        row async for page in ItemStore(library.services.base.amazon.dynamo).pages_of(library.account) for row in page
    ]
    if len(rows) < 4 or chance.random() < 0.4:
        await library.add(f"{len(rows)}.jpg", chance.choice(CAPTIONS), day=chance.randrange(90))
        return
    row = chance.choice(rows)
    if row.deleted_at is not None:
        await library.services.trash.restore(row)
    elif chance.random() < 0.3:
        await library.services.trash.delete(row, None)
    elif chance.random() < 0.3:
        await library.with_facts(row, chance.choice(list(ItemKind)), chance.choice(("Canon R6", None)))
    else:
        await library.edit(row, caption=chance.choice(CAPTIONS), captured_at="2020-01-01T00:00:00Z")


async def test_an_index_updated_by_killed_duplicate_and_late_workers_equals_the_rows(library: Library) -> None:
    chance, cursors = random.Random(20261127), CursorStore(library.database, utc_now)
    queues, loops = library.services.base.amazon.queues, library.loops()
    kills = 0

    async def work() -> None:
        async with TaskGroup() as tasks:  # when it has been killed, none of the three still runs
            for working in (library.index_all(), library.index_all(), loops.process(0)):
                tasks.create_task(working)

    for _ in range(25):
        await change_something(library, chance)
        head = await library.services.base.events.log.head(library.account)
        await cursors.mark_behind(library.account, head.last, [SEARCH])
        if chance.random() < 0.3:
            continue  # this nudge is lost
        await queues.send(NUDGES_QUEUE, {"account_id": library.account}, group=library.account)
        working = asyncio.create_task(work())
        await asyncio.sleep(chance.uniform(0, 0.05))
        kills += working.cancel()
        await asyncio.wait({working})
    assert kills > 3
    for message in await queues.receive(NUDGES_QUEUE, limit=10):  # late ones
        await loops.handle(message)
    await cursors.mark_behind(library.account, head.last, [SEARCH])
    await loops.process(0)
    assert await library.indexed() == await true_index(library)
    assert library.account not in await cursors.behind(SEARCH, "", 10_000)


async def test_a_crash_before_the_commit_leaves_the_index_unchanged(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await library.add("one.jpg", "sea")
    await library.index_all()
    before = await library.indexed()
    await library.edit(row, caption="lake")
    put = library.index.put

    async def crash(connection: AsyncConnection, *arguments: object) -> None:
        await put(connection, *arguments)  # type: ignore[arg-type]  # as it was called
        raise asyncio.CancelledError

    with monkeypatch.context() as crashing:
        crashing.setattr(library.index, "put", crash)
        with pytest.raises(asyncio.CancelledError):
            await library.index_all()
    assert await library.indexed() == before
    await library.index_all()
    assert await library.indexed() == await true_index(library)


async def test_a_rebuild_repairs_the_index_and_no_item_is_missing_meanwhile(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "PAGE_ITEMS", 2)
    rows = [await library.add(f"{number}.jpg", "sea", day=number) for number in range(5)]
    await library.index_all()
    await _damage(library, rows[0].item_id, rows[1].item_id)
    assert await library.indexed() != await true_index(library)
    misses = 0

    async def search_on(rebuilding: "asyncio.Task[None]") -> None:
        nonlocal misses
        while not rebuilding.done():
            names = await library.find("sea")
            misses += not {f"{number}.jpg" for number in (2, 3, 4)} <= set(names)
            if len(rows) < 8:
                rows.append(await library.add(f"new{len(rows)}.jpg", "lake"))
                await library.index_all()

    async with TaskGroup() as tasks:
        rebuilding = tasks.create_task(library.updater.rebuild(library.projection, library.account))
        await search_on(rebuilding)
    await library.index_all()
    assert misses == 0
    assert await library.indexed() == await true_index(library)


async def _damage(library: Library, missing: ItemId, wrong: ItemId) -> None:
    """Remove one item from the index, index one under a wrong word, and add an entry without an item."""
    unknown = {
        "account_id": library.account,
        "item_id": new_item_id(),
        "captured_key": "2026-01-01T00:00:00.000Z#unknown",
    }
    own = item_words.c.account_id == library.account
    async with library.database.writer.write() as connection:
        await connection.execute(
            delete(item_words).where(own, item_words.c.item_id == missing, item_words.c.word == "sea")
        )
        await connection.execute(
            update(item_words)
            .where(own, item_words.c.item_id == missing, item_words.c.word == "jpg")
            .values(word="png")
        )
        await connection.execute(delete(item_index).where(item_index.c.item_id == missing))
        await connection.execute(
            update(item_words).where(own, item_words.c.item_id == wrong, item_words.c.word == "sea").values(word="see")
        )
        await connection.execute(insert(item_index), [unknown])
        await connection.execute(insert(item_words), [unknown | {"word": "sea"}])


async def test_items_from_before_search_are_indexed_without_events(library: Library) -> None:
    await library.add("old.jpg", "sea")
    other = replace(library, services=replace(library.services, account=await _registered(library.database)))
    await other.add("older.jpg", "sea")
    await library.loops().process(0)
    assert await library.find("sea") == ["old.jpg"]
    assert await other.find("sea") == ["older.jpg"]


async def _registered(database: Database) -> AccountId:
    account = new_account_id()
    values = {"email": f"{account}@example.com", "password_hash": "", "administrator": False, "created_at": utc_now()}
    async with database.writer.write() as connection:
        await connection.execute(insert(accounts).values(id=account, **values))
    return account


async def test_after_an_erasure_no_entry_is_left_and_no_late_worker_adds_one(library: Library) -> None:
    for number in range(3):
        await library.add(f"{number}.jpg", "sea")
    relational = RelationalEvents(library.database)
    await library.index_all()
    assert (await library.index.count_rows(library.account))["item_index"] == 3
    late = library.projection
    step, _ = await late.read_page(library.account, None)
    read = await CursorStore(library.database, utc_now).get(SEARCH, library.account)
    assert read is not None
    erased = [count async for count in relational.erase(library.account)]
    erased += [count async for count in library.index.erase(library.account)]
    assert erased[-1] == 3
    assert not await CursorStore(library.database, utc_now).write(read, step, 9)
    await library.index_all()
    counts = await library.index.count_rows(library.account) | await relational.count_rows(library.account)
    assert set(counts.values()) == {0}
