"""Album maintenance by workers: purge placements, remove purged items, update capture times, erase accounts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import func, select

from app.access.schema.tables import album_items, placement_purges
from app.albums.wiring import AlbumWorkParts, build_album_work
from app.events.service.projection import ProjectionUpdater
from app.items.deletion.service.purge import Purging
from app.items.schema.row import Purge
from app.items.store import ItemStore, row_action
from darkroom_shared.items import ItemState
from tests.albums.album_services import NOON, AlbumServices
from tests.services import ManualClock, Services, Stores, open_services


@pytest_asyncio.fixture(scope="module")
async def worker(stores: Stores, clock_of_the_module: ManualClock, common_database_url: str) -> AsyncIterator[Services]:
    """A worker process on the same stores as the app."""
    async with open_services(stores, clock_of_the_module, database_url=SecretStr(common_database_url)) as opened:
        yield opened


@pytest.fixture
def maintenance(worker: Services) -> AlbumWorkParts:
    return build_album_work(base=worker.base)


async def placements(services: Services, album: str) -> int:
    async with services.base.database.writer.read() as connection:
        statement = select(func.count()).select_from(album_items).where(album_items.c.album_id == album)
        return await connection.scalar(statement) or 0


async def count_purges(services: Services, album: str) -> int:
    async with services.base.database.writer.read() as connection:
        statement = select(func.count()).select_from(placement_purges).where(placement_purges.c.album_id == album)
        return await connection.scalar(statement) or 0


async def test_hidden_placements_are_purged(
    album_services_on_both: AlbumServices, worker: Services, maintenance: AlbumWorkParts
) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    album, deleted = await ada.album(await ada.photo()), await ada.album(await ada.photo())
    first, second = await bob.photos(2)
    await ada.invite(album, bob, "contributor")
    await bob.add(album, first, second)
    await bob.done(bob.http.delete(f"albums/{album}/members/{bob.account}"))
    await ada.invite(album, bob, "contributor")
    await bob.add(album, second)
    await ada.done(ada.http.delete(f"albums/{deleted}"))
    assert (await placements(worker, album), await placements(worker, deleted)) == (3, 1)

    for _ in range(2):
        await maintenance.placement_purge.purge()

    assert (await placements(worker, album), await placements(worker, deleted)) == (2, 0)
    assert (await count_purges(worker, album), await count_purges(worker, deleted)) == (0, 0)
    assert await ada.done(ada.http.get(f"albums/{album}"))
    assert second in await ada.visible_items(album)


async def test_a_purged_item_leaves_its_albums(
    album_services_on_both: AlbumServices, worker: Services, maintenance: AlbumWorkParts
) -> None:
    ada = await album_services_on_both.person()
    remaining, gone = await ada.photos(2)
    album = await ada.album(remaining, gone)
    base = worker.base
    row = replace(await ItemStore(base.amazon.dynamo).require(ada.account, gone), state=ItemState.DELETED, revision=2)
    row = replace(row, purge=Purge.DELETED, purge_at=base.clock())
    await ItemStore(base.amazon.dynamo).write([row_action(row)])
    purging = Purging(
        store=ItemStore(base.amazon.dynamo),
        changes=base.items.changes,
        objects=base.amazon.objects,
        clock=base.clock,
        on_purge=[maintenance.contents.delete],
    )

    await purging.purge(row)
    await maintenance.contents.delete(ada.account, gone)

    assert await ItemStore(base.amazon.dynamo).get(ada.account, gone) is None
    assert await placements(worker, album) == 1
    assert (await ada.done(ada.http.get(f"albums/{album}")))["item_count"] == 1


async def test_a_new_capture_time_moves_an_item_in_its_albums(
    album_services_on_both: AlbumServices, worker: Services, maintenance: AlbumWorkParts
) -> None:
    ada = await album_services_on_both.person()
    photos = await ada.photos(3)
    album, by_hand = await ada.album(*photos), await ada.album(*photos, order="manual")
    base = worker.base
    updater = ProjectionUpdater(base.events.log, base.events.cursors, [maintenance.captures])
    await base.events.cursors.enrol(maintenance.captures.name, [ada.account])
    later = (NOON + timedelta(days=1)).isoformat()

    await ada.done(ada.http.patch(f"items/{photos[0]}", json={"captured_at": later}))
    for _ in range(2):
        await updater.apply_events(ada.account)

    assert await ada.visible_items(album) == [*photos[1:], photos[0]]
    assert await ada.visible_items(by_hand) == photos


async def test_an_erased_account_leaves_nothing_in_any_album(
    album_services_on_both: AlbumServices, worker: Services, maintenance: AlbumWorkParts
) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    own, joined = await ada.album(await ada.photo()), await bob.album(await bob.photo())
    await bob.invite(joined, ada, "contributor")
    await ada.invite(own, bob)
    await ada.add(joined, await ada.photo(1))
    await ada.http.post(f"albums/{own}/invitations", json={})
    await bob.done(bob.http.post(f"albums/{joined}/transfer", json={"account_id": ada.account}))
    assert any((await maintenance.erasure.count_rows(ada.account)).values())

    for _ in range(2):
        async for _ in maintenance.erasure.erase(ada.account):
            pass

    assert not any((await maintenance.erasure.count_rows(ada.account)).values())
    assert (await bob.http.get(f"albums/{own}")).status_code == 404
    assert (await bob.done(bob.http.get(f"albums/{joined}")))["item_count"] == 1
    assert len(await bob.visible_items(joined)) == 1
    assert any((await maintenance.erasure.count_rows(bob.account)).values())
