"""Comments unread for 90 days count as read, on SQLite and MariaDB: in bounded steps, with any number of workers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from app.albums.wiring import build_album_work
from app.comments.service import unread_expiry
from app.comments.service.unread import unread_key
from app.comments.service.unread_expiry import UNREAD_RETENTION, UnreadExpiry
from app.comments.store import CommentRow, CommentStore
from app.comments.wiring import build_comment_work
from app.worker.placement_purger import PlacementPurger
from darkroom_shared.ids import AccountId, CommentId, ItemId, first_comment_id, new_comment_id
from darkroom_shared.times import utc_now
from tests.services import ManualClock, Services, Stores, open_services
from tests.share_links.sharing_services import Person, SharingServices, open_sharing_services

SECOND = timedelta(seconds=1)


@pytest.fixture
async def sharing(stores: Stores, database_url: str) -> AsyncIterator[SharingServices]:
    """Services with a database of their own, because the expiry searches all of it."""
    settings = {"database_url": database_url}
    async with (
        open_services(stores, ManualClock(), **settings) as services,
        open_sharing_services(stores, services, **settings) as opened,
    ):
        yield opened


def worker(services: Services) -> UnreadExpiry:
    return UnreadExpiry(
        database=services.base.database, cache=services.base.cache, store=CommentStore(), clock=services.base.clock
    )


async def add_comment(services: Services, item: str, author: Person, at: datetime, *unread_by: Person) -> CommentId:
    """Add a comment written at `at`, unread by these people."""
    id_ = first_comment_id(at)
    row = CommentRow(id_, ItemId(item), author.account, author.account, "Look!", version=1, created_at=at)
    readers = [each.account for each in unread_by]
    async with services.base.cache.change(*map(unread_key, readers)) as unit:
        await CommentStore().add(unit.connection, row, readers)
    return id_


async def unread(who: Person) -> int:
    count: int = (await who.get("comments/unread"))["count"]
    return count


async def rows_of(services: Services, account: AccountId) -> int:
    async with services.base.database.writer.read() as connection:
        return (await CommentStore().count_rows(connection, account))["unread_comments"]


async def test_after_90_days_comments_count_as_read_also_in_cached_counters(sharing: SharingServices) -> None:
    owner, silent, other = [await sharing.user() for _ in range(3)]
    item, services = await owner.photo(), sharing.services
    album = await owner.album(item)
    for invitee in (silent, other):
        await owner.invite(album, invitee)
    long_ago = services.base.clock() - UNREAD_RETENTION
    await add_comment(services, item, owner, long_ago - SECOND, silent, other)
    await add_comment(services, item, owner, long_ago + SECOND, silent)
    assert (await unread(silent), await unread(other)) == (2, 1)

    albums, comments = build_album_work(base=services.base), build_comment_work(base=services.base)
    await PlacementPurger(albums.placement_purge, comments.unread_expiry).process()
    assert await worker(services).expire() == 0

    assert (await unread(silent), await unread(other)) == (1, 0)
    assert (await rows_of(services, silent.account), await rows_of(services, other.account)) == (1, 0)
    assert len((await silent.get(f"items/{item}/comments"))["comments"]) == 2


async def test_expiry_runs_in_bounded_steps_and_concurrent_workers_finish_it(
    sharing: SharingServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread_expiry, "ROWS_PER_STEP", 3)
    monkeypatch.setattr(unread_expiry, "STEPS_PER_RUN", 2)
    owner, first, second = [await sharing.user() for _ in range(3)]
    item, services = await owner.photo(), sharing.services
    long_ago = services.base.clock() - UNREAD_RETENTION
    for number in range(10):
        await add_comment(services, item, owner, long_ago - (number + 1) * SECOND, first, second)

    assert await worker(services).expire() == 6
    left = await rows_of(services, first.account) + await rows_of(services, second.account)
    assert 20 - 2 * 6 <= left <= 20 - 6
    while await asyncio.gather(*(worker(services).expire() for _ in range(3))) != [0, 0, 0]:
        pass

    assert (await rows_of(services, first.account), await rows_of(services, second.account)) == (0, 0)


def test_the_first_id_of_a_moment_separates_earlier_and_later_comments() -> None:
    earlier = new_comment_id()
    assert first_comment_id(utc_now() - SECOND) < earlier < first_comment_id(utc_now() + SECOND)
    moment = utc_now()
    assert first_comment_id(moment) < first_comment_id(moment + timedelta(milliseconds=1))
