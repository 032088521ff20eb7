"""`darkroom verify` compares the search index with the rows and reports no finding for a change in progress."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import delete, insert, update

from app.admin.service import verify_index
from app.admin.service.verify_index import IndexVerification, IndexVerified
from app.events.store.cursors import CursorStore
from app.events.store.relational import RelationalEvents
from app.items.store import ItemStore
from app.projections import SEARCH
from app.search.schema.tables import item_index, item_words
from app.search.store.contents import IndexContents, IndexRows
from app.stores.aurora import Database
from darkroom_shared.ids import new_item_id
from darkroom_shared.times import utc_now
from tests.search.library import Library, open_library
from tests.services import Services


@pytest.fixture
async def library(services: Services, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Library]:
    """A library in its own database, because verify compares all of it; with small pages and short waits."""
    monkeypatch.setattr(verify_index, "PAGE_ITEMS", 2)
    monkeypatch.setattr(verify_index, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(verify_index, "REPEAT_SECONDS", 0.01)
    opened = Database(database_url)
    yield await open_library(services, opened)
    await opened.close()


def verification(library: Library, contents: IndexContents | None = None) -> IndexVerification:
    base = library.services.base
    cursors = CursorStore(library.database, utc_now)
    return IndexVerification(
        items=ItemStore(base.amazon.dynamo),
        events=base.events.store,
        cursors=cursors,
        contents=contents or IndexContents(library.database),
    )


async def list_findings(library: Library) -> list[tuple[str, str]]:
    """Return each finding's subject and message, after every account was compared."""
    verified = await verification(library).run()
    assert verified.not_compared == ()
    assert {finding.kind for finding in verified.findings} <= {"search"}
    return [(finding.subject, finding.message) for finding in verified.findings]


async def filled(library: Library) -> list[str]:
    """Create seven searchable items and one deleted item; return their ids."""
    rows = [await library.add(f"{number}.jpg", "sea", day=number) for number in range(8)]
    await library.services.trash.delete(rows.pop(), None)
    await library.index_all()
    return [row.item_id for row in rows]


async def test_an_index_that_matches_its_rows_has_no_findings(library: Library) -> None:
    await filled(library)
    assert await list_findings(library) == []


async def test_a_missing_index_row_is_reported(library: Library) -> None:
    missing = (await filled(library))[3]
    async with library.database.writer.write() as connection:
        await connection.execute(delete(item_index).where(item_index.c.item_id == missing))
        await connection.execute(delete(item_words).where(item_words.c.item_id == missing))
    [(subject, message)] = await list_findings(library)
    assert subject == missing
    assert message.startswith("not in the search index")


async def test_index_rows_without_an_item_are_all_reported(library: Library) -> None:
    await filled(library)
    ghosts = [new_item_id() for _ in range(9)]
    rows = [
        {"account_id": library.account, "item_id": ghost, "captured_key": f"20{20 + number}-07-04T12:00:00Z#{ghost}"}
        for number, ghost in enumerate(ghosts)
    ]
    async with library.database.writer.write() as connection:
        await connection.execute(insert(item_index), rows[:5])
        await connection.execute(insert(item_words), [row | {"word": "ghost"} for row in rows[3:]])
    findings = await list_findings(library)
    assert sorted(subject for subject, _ in findings) == sorted(ghosts)
    assert all("where nothing belongs" in message for _, message in findings)


async def test_a_wrong_a_missing_and_another_items_word_are_reported(library: Library) -> None:
    wrong, missing, rest, right = (await filled(library))[:4]
    words = item_words.c
    async with library.database.writer.write() as connection:
        for item, change in ((wrong, {"word": "see"}), (rest, {"item_id": right})):
            await connection.execute(
                update(item_words).where(words.item_id == item, words.word == "sea").values(**change)
            )
        await connection.execute(delete(item_words).where(words.item_id == missing, words.word == "sea"))
    findings = dict(await list_findings(library))
    assert set(findings) == {wrong, missing, rest}
    assert "lacks 1 of its rows and has 1 others" in findings[wrong]
    assert "lacks 1 of its rows and has 0 others" in findings[missing]


async def test_an_item_indexed_at_a_wrong_time_is_reported_at_both_places(
    library: Library,
) -> None:
    moved = (await filled(library))[2]
    key = f"2020-01-01T00:00:00Z#{moved}"
    async with library.database.writer.write() as connection:
        for table in (item_index, item_words):
            await connection.execute(update(table).where(table.c.item_id == moved).values(captured_key=key))
    findings = await list_findings(library)
    assert [subject for subject, _ in findings] == [moved, moved]
    assert sorted(message.split()[0] for _, message in findings) == ["in", "not"]


class InterferingContents(IndexContents):
    """Call `interfere` before each of the first `times` reads of the index, like concurrent use does."""

    def __init__(self, database: Database, interfere: Callable[[], Awaitable[None]], times: int) -> None:
        super().__init__(database)
        self._interfere, self._times = interfere, times

    async def page(self, *arguments: object) -> dict[str, IndexRows]:
        await self._interfere_once()
        return await super().page(*arguments)  # type: ignore[arg-type]  # same arguments

    async def at(self, *arguments: object) -> IndexRows:
        await self._interfere_once()
        return await super().at(*arguments)  # type: ignore[arg-type]  # same arguments

    async def _interfere_once(self) -> None:
        if self._times:
            self._times -= 1
            await self._interfere()


async def compared_while_an_item_changes(library: Library, times: int, *, moves: bool) -> IndexVerified:
    """Compare while an item changes `times` times. `moves`: its capture time changes as well."""
    row = await library.add("busy.jpg", "sea", day=99)

    async def interfere() -> None:
        nonlocal row
        day = {"captured_at": f"2019-01-{row.version:02}T00:00:00Z"} if moves else {}
        row = await library.edit(row, caption=f"caption {row.version}", **day)
        await library.index_all()

    await library.index_all()
    return await verification(library, InterferingContents(library.database, interfere, times)).run()


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.tier("full", "more changes")), 5])
async def test_an_item_that_changes_during_the_comparison_is_not_reported(
    library: Library, times: int, moves: bool
) -> None:
    await filled(library)
    verified = await compared_while_an_item_changes(library, times, moves=moves)
    assert (verified.findings, verified.not_compared) == ((), ())


async def test_an_account_that_changes_continuously_is_listed_as_not_compared(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_index, "POLLS", 2)
    monkeypatch.setattr(verify_index, "REPEATS", 0)
    verified = await compared_while_an_item_changes(library, times=100, moves=False)
    assert (verified.findings, verified.not_compared) == ((), (library.account,))


async def test_an_account_with_a_lagging_index_is_listed_as_not_compared(library: Library) -> None:
    await filled(library)
    await library.add("late.jpg", "sea")
    verified = await verification(library).run()
    assert (verified.findings, verified.not_compared) == ((), (library.account,))
    await library.index_all()
    assert await list_findings(library) == []


async def test_an_index_that_is_still_being_filled_is_not_compared(library: Library) -> None:
    await library.add("new.jpg", "sea")
    verified = await verification(library).run()
    assert (verified.findings, verified.not_compared) == ((), (library.account,))


async def test_index_rows_of_an_account_without_projection_are_reported(library: Library) -> None:
    await filled(library)
    async for _ in RelationalEvents(library.database).erase(library.account):
        pass
    assert [subject for subject, _ in await list_findings(library)] == [library.account]
    async for _ in library.index.erase(library.account):
        pass
    assert await list_findings(library) == []


async def test_an_account_that_is_being_erased_is_not_compared(library: Library) -> None:
    missing = (await filled(library))[3]
    async with library.database.writer.write() as connection:
        await connection.execute(delete(item_index).where(item_index.c.item_id == missing))
    await library.services.base.events.store.close(library.account)
    assert await list_findings(library) == []
    assert library.account in await CursorStore(library.database, utc_now).accounts(SEARCH, "", 10)
