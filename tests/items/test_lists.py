"""The gallery's pages: newest first, by creation or by capture, with cursors that stay at their position."""

from datetime import UTC, datetime, timedelta

import pytest

from app.items.schema.row import ItemRow
from app.items.service.items import CAPTURED
from darkroom_shared.items import CreateItem, EditItem
from tests.services import ManualClock, Services

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


async def an_item(services: Services, number: int, captured_at: datetime | None = None) -> ItemRow:
    body = CreateItem(
        name=f"{number}.jpg",
        size_bytes=1,
        content_type="image/jpeg",
        digest=f"sha256:{number:064x}",
        captured_at=captured_at,
    )
    return (await services.uploads.create(services.account, body, None)).row


async def names(services: Services, order: str, limit: int = 100) -> list[str]:
    result, cursor = [], None
    while True:
        listed = await services.items.list(services.account, order=order, cursor=cursor, limit=limit)
        result += [row.name for row in listed.rows]
        cursor = listed.next_cursor
        if cursor is None:
            return result


async def test_the_newest_items_come_first_and_pages_of_any_size_join_to_the_same_list(
    services: Services, clock: ManualClock
) -> None:
    for number in range(7):
        await an_item(services, number)
        clock.advance(seconds=1)
    expected = [f"{number}.jpg" for number in reversed(range(7))]
    for limit in (1, 2, 3, 7, 8):
        assert sorted(await names(services, "created", limit)) == sorted(expected)
        assert await names(services, CAPTURED, limit) == expected


async def test_by_capture_time_an_old_photo_sorts_by_its_date(services: Services, clock: ManualClock) -> None:
    for number in range(3):
        await an_item(services, number)
        clock.advance(seconds=1)
    old = await an_item(services, 9, LONG_AGO)
    assert (await names(services, "created"))[0] == "9.jpg"
    assert (await names(services, CAPTURED))[-1] == "9.jpg"
    await services.item_actions.edit(old, EditItem(captured_at=clock.now + timedelta(days=1)), None)
    assert (await names(services, CAPTURED))[0] == "9.jpg"


@pytest.mark.parametrize("order", ["created", CAPTURED])
async def test_a_cursor_is_stable_while_items_are_added_and_deleted(
    services: Services, clock: ManualClock, order: str
) -> None:
    rows = []
    for number in range(6):
        rows.append(await an_item(services, number, LONG_AGO + timedelta(seconds=number)))
        clock.advance(seconds=1)
    first = await services.items.list(services.account, order=order, cursor=None, limit=3)
    seen = [row.item_id for row in first.rows]
    rest = [row for row in rows if row.item_id not in seen]
    await an_item(services, 90, LONG_AGO + timedelta(days=1))
    await services.trash.delete(first.rows[-1], None)
    await services.trash.delete(rest[0], None)
    second = await services.items.list(services.account, order=order, cursor=first.next_cursor, limit=10)
    assert {row.item_id for row in second.rows} == {row.item_id for row in rest[1:]}
    assert second.next_cursor is None


async def test_pages_that_hold_only_deleted_items_are_skipped(services: Services) -> None:
    rows = [await an_item(services, number) for number in range(6)]
    remaining, *_ = sorted(rows, key=lambda row: row.item_id)
    for row in rows:
        if row is not remaining:
            await services.trash.delete(row, None)
    listed = await services.items.list(services.account, order="created", cursor=None, limit=2)
    assert [row.item_id for row in listed.rows] == [remaining.item_id]
