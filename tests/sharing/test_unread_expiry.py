"""What nobody reads for 90 days counts as read, on SQLite and on MariaDB: bit by bit, however many workers do it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from app.albums import unread_expiry
from app.albums.comment_store import CommentRow, CommentStore
from app.albums.unread import unread_key
from app.albums.unread_expiry import UNREAD_FOR, UnreadExpiry
from shared.ids import AccountId, CommentId, ItemId, first_comment_id, new_comment_id
from shared.times import utc_now
from tests.house import House, ManualClock, Stores, open_house
from tests.sharing.people import Person, Town, open_town

SECOND = timedelta(seconds=1)


@pytest.fixture
async def town(stores: Stores, database_url: str) -> AsyncIterator[Town]:
    """In a database of its own: what expires is looked for in all of it."""
    settings = {"database_url": database_url}
    async with open_house(stores, ManualClock(), **settings) as house, open_town(stores, house, **settings) as opened:
        yield opened


def worker(house: House) -> UnreadExpiry:
    return UnreadExpiry(house.base.database, house.base.cache, CommentStore(), house.base.clock)


async def said(house: House, item: str, author: Person, at: datetime, *unread_by: Person) -> CommentId:
    """A comment of that moment, which these people have not read."""
    id_ = first_comment_id(at)
    row = CommentRow(id_, ItemId(item), author.account, author.account, "Look!", version=1, created_at=at)
    readers = [each.account for each in unread_by]
    async with house.base.cache.change(*map(unread_key, readers)) as connection:
        await CommentStore().add(connection, row, readers)
    return id_


async def unread(who: Person) -> int:
    count: int = (await who.get("comments/unread"))["count"]
    return count


async def rows_of(house: House, account: AccountId) -> int:
    async with house.base.database.writer.read() as connection:
        return (await CommentStore().count_rows(connection, account))["unread_comments"]


async def test_after_90_days_it_counts_as_read_wherever_the_counter_was_cached(town: Town) -> None:
    owner, silent, other = [await town.somebody() for _ in range(3)]
    item, house = await owner.photo(), town.house
    album = await owner.album(item)
    for guest in (silent, other):
        await owner.invite(album, guest)
    long_ago = house.base.clock() - UNREAD_FOR
    await said(house, item, owner, long_ago - SECOND, silent, other)
    await said(house, item, owner, long_ago + SECOND, silent)
    assert (await unread(silent), await unread(other)) == (2, 1)

    assert await worker(house).expire() == 2
    assert await worker(house).expire() == 0

    assert (await unread(silent), await unread(other)) == (1, 0)
    assert (await rows_of(house, silent.account), await rows_of(house, other.account)) == (1, 0)
    assert len((await silent.get(f"items/{item}/comments"))["comments"]) == 2


async def test_it_goes_in_bounded_steps_and_several_workers_at_once_come_to_the_same(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread_expiry, "ROWS_PER_STEP", 3)
    monkeypatch.setattr(unread_expiry, "STEPS_AT_ONCE", 2)
    owner, first, second = [await town.somebody() for _ in range(3)]
    item, house = await owner.photo(), town.house
    long_ago = house.base.clock() - UNREAD_FOR
    for number in range(10):
        await said(house, item, owner, long_ago - (number + 1) * SECOND, first, second)

    assert await worker(house).expire() == 6
    left = await rows_of(house, first.account) + await rows_of(house, second.account)
    assert 20 - 2 * 6 <= left <= 20 - 6
    while await asyncio.gather(*(worker(house).expire() for _ in range(3))) != [0, 0, 0]:
        pass

    assert (await rows_of(house, first.account), await rows_of(house, second.account)) == (0, 0)


def test_the_first_id_of_a_moment_lies_between_what_was_said_before_and_what_is_said_from_then_on() -> None:
    earlier = new_comment_id()
    assert first_comment_id(utc_now() - SECOND) < earlier < first_comment_id(utc_now() + SECOND)
    moment = utc_now()
    assert first_comment_id(moment) < first_comment_id(moment + timedelta(milliseconds=1))
