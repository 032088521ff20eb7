"""One element that always fails blocks no other element of a periodic job."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from app.access.schema.tables import placement_purges
from app.access.store.placement_purge import PlacementPurge, PlacementPurgeStore
from app.accounts.schema.tables import closed_accounts
from app.accounts.store.closed import ClosedAccounts, ClosedRow
from app.albums.service.placement_purge import PURGES_PER_RUN, PlacementPurgeService
from app.albums.store.invitations import InvitationStore
from app.comments.service.unread_expiry import UnreadExpiry
from app.comments.store import CommentStore
from app.events.schema.values import Step
from app.events.service.projection import ProjectionUpdater
from app.exports.service.erasure import ExportErasure
from app.exports.store import ExportStore
from app.items.deletion.service.erasure import ItemErasure
from app.items.store import ItemStore
from app.stores.aurora import Database
from app.worker.eraser import Eraser
from app.worker.placement_purger import PlacementPurger
from app.worker.projections import ProjectionLoops
from darkroom_shared.events import Event
from darkroom_shared.ids import AccountId, AlbumId, new_account_id, new_album_id
from tests.events.recording_projection import APPLIED_EVENTS, RecordingProjection, append, applied_numbers
from tests.services import ManualClock, Services, Stores, open_services

BAD = AlbumId("alb_bad")


@pytest.fixture
async def services(stores: Stores, make_sqlite: Callable[[], str], clock: ManualClock) -> AsyncIterator[Services]:
    """Services with a database of their own, because these jobs search all of it."""
    async with open_services(stores, clock, database_url=SecretStr(make_sqlite())) as opened:
        yield opened


class FailingPurges(PlacementPurgeStore):
    async def delete_some(self, connection: AsyncConnection, purge: PlacementPurge, limit: int) -> int:
        if purge.album_id == BAD:
            raise KeyError(purge.album_id)
        return await super().delete_some(connection, purge, limit)


class NoPurges(PlacementPurgeStore):
    async def due(self, connection: AsyncConnection, after: int, limit: int) -> list[PlacementPurge]:
        raise KeyError(after)


class FailingInvitations(InvitationStore):
    async def delete_expired(self, connection: AsyncConnection, now: datetime, limit: int) -> int:
        raise KeyError(now)


class RecordingInvitations(InvitationStore):
    runs = 0

    async def delete_expired(self, connection: AsyncConnection, now: datetime, limit: int) -> int:
        self.runs += 1
        return await super().delete_expired(connection, now, limit)


class RecordingExpiry(UnreadExpiry):
    runs = 0

    async def expire(self) -> int:
        self.runs += 1
        return await super().expire()


def purger(
    services: Services, purges: PlacementPurgeStore, of_invitations: InvitationStore
) -> tuple[PlacementPurger, RecordingExpiry]:
    base = services.base
    service = PlacementPurgeService(database=base.database, store=purges, invitations=of_invitations, clock=base.clock)
    expiry = RecordingExpiry(database=base.database, cache=base.cache, store=CommentStore(), clock=base.clock)
    return PlacementPurger(service, expiry), expiry


async def add_purges(database: Database, *albums: AlbumId) -> None:
    async with database.writer.write() as connection:
        await connection.execute(insert(placement_purges), [{"album_id": each, "up_to_version": 1} for each in albums])


async def left(database: Database) -> list[str]:
    async with database.writer.read() as connection:
        return list(await connection.scalars(select(placement_purges.c.album_id).order_by(placement_purges.c.id)))


async def test_purges_that_always_fail_block_no_later_one(services: Services) -> None:
    database = services.base.database
    await add_purges(database, *[BAD] * (PURGES_PER_RUN + 1), new_album_id(), new_album_id())
    of_invitations = RecordingInvitations()
    job, expiry = purger(services, FailingPurges(), of_invitations)
    with capture_logs():
        await job.process()
    assert await left(database) == [BAD] * (PURGES_PER_RUN + 1)
    assert (of_invitations.runs, expiry.runs) == (1, 1)


async def test_a_run_completes_a_bounded_number_of_purges(services: Services) -> None:
    database = services.base.database
    await add_purges(database, *(new_album_id() for _ in range(PURGES_PER_RUN + 3)))
    job, _ = purger(services, PlacementPurgeStore(), InvitationStore())
    await job.process()
    assert len(await left(database)) == 3
    await job.process()
    assert await left(database) == []


async def test_a_job_that_fails_blocks_no_other_job_of_the_purger(services: Services) -> None:
    database = services.base.database
    of_invitations = RecordingInvitations()
    job, expiry = purger(services, NoPurges(), of_invitations)
    with capture_logs():
        await job.process()
    assert (of_invitations.runs, expiry.runs) == (1, 1)
    await add_purges(database, new_album_id())
    job, expiry = purger(services, PlacementPurgeStore(), FailingInvitations())
    with capture_logs():
        await job.process()
    assert (await left(database), expiry.runs) == ([], 1)


class FailingLease(ClosedAccounts):
    """Cannot lease one account."""

    bad: AccountId

    async def take(self, account: AccountId) -> ClosedRow | None:
        if account == self.bad:
            raise KeyError(account)
        return await super().take(account)


async def test_an_account_that_cannot_be_leased_blocks_no_other_erasure(services: Services, clock: ManualClock) -> None:
    base = services.base
    closed, good = FailingLease(base.database, clock), new_account_id()
    closed.bad = new_account_id()
    async with base.database.writer.write() as connection:
        for number, account in enumerate((closed.bad, good)):
            due_at = clock() - timedelta(seconds=60 - number)
            await connection.execute(insert(closed_accounts).values(id=account, closed_at=due_at, next_at=due_at))
    eraser = Eraser(
        closed=closed,
        items=ItemErasure(ItemStore(base.amazon.dynamo), base.amazon.objects),
        exports=ExportErasure(ExportStore(base.amazon.dynamo), base.amazon.objects),
        events=base.events.erasure,
        clock=clock,
    )
    with capture_logs():
        await eraser.process()
    erased = await closed.get(good)
    assert erased is not None
    assert erased.emptied_at is not None


class FailingProjection(RecordingProjection):
    async def prepare(self, account: AccountId, events: Sequence[Event]) -> Step:
        raise KeyError(account)

    async def new_accounts(self) -> Sequence[AccountId]:
        raise KeyError(self.name)


class FailingEnrolment(RecordingProjection):
    async def new_accounts(self) -> Sequence[AccountId]:
        raise KeyError(self.name)


async def updater_of(services: Services, *projections: RecordingProjection) -> ProjectionUpdater:
    """Let each projection be one event behind."""
    cursors = services.base.events.cursors
    async with services.base.database.writer.write() as connection:
        await connection.run_sync(APPLIED_EVENTS.metadata.create_all)
    names = [each.name for each in projections]
    updater = ProjectionUpdater(services.base.events.log, cursors, projections)
    for name in names:
        await cursors.enrol(name, [services.account])
    for each in projections:
        await updater.catch_up(each, services.account)
    await append(services)
    await cursors.mark_behind(services.account, 1, names)
    return updater


async def test_a_projection_that_always_fails_blocks_no_other_one(services: Services) -> None:
    updater = await updater_of(services, FailingProjection("bad"), RecordingProjection("good"))
    with pytest.raises(KeyError):
        await updater.apply_events(services.account)
    assert await applied_numbers(services.base.database, services.account) == [1]


async def test_an_enrolment_that_always_fails_blocks_no_update(services: Services) -> None:
    updater = await updater_of(services, FailingEnrolment("index"))
    with pytest.raises(KeyError):
        await ProjectionLoops(updater, services.base.amazon.queues).process(0)
    assert await applied_numbers(services.base.database, services.account) == [1]
