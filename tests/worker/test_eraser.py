"""A closed account is locked immediately and then erased completely, even if erasers crash."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from app.accounts.schema.tables import closed_accounts
from app.accounts.service.closing import ClosingService
from app.accounts.service.passwords import Passwords
from app.accounts.service.registration import RegistrationService
from app.accounts.service.sessions import SessionService
from app.accounts.store.closed import ClosedAccounts, Counts
from app.accounts.wiring import build_account_rows, build_accounts
from app.admin.service.leftovers import AccountVerification
from app.albums.wiring import build_album_work
from app.comments.wiring import build_comment_work
from app.events.service.log import NewEvent
from app.events.service.outbox import EventOutbox
from app.events.service.projection import ProjectionUpdater
from app.exports.service.erasure import ExportErasure
from app.exports.store import ExportStore
from app.items.deletion.service.erasure import ItemErasure
from app.items.schema.row import Result
from app.items.service.lifecycle import UPLOAD_DEADLINE
from app.items.store import ItemStore
from app.jobs.claim import ClaimLost
from app.request_key import RequestKey
from app.search.wiring import build_index
from app.settings import Registration
from app.worker.eraser import Eraser, ErasureStep
from app.worker.loops import erasure_steps
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, new_account_id, new_ulid
from darkroom_shared.items import CreateItem, ItemKind, PartRequest
from darkroom_shared.problems import AddressTaken, Forbidden, NotFound, Unauthenticated
from darkroom_shared.uploads import SINGLE_PUT_BYTES
from tests.api import CHEAP_MEMORY_KIB
from tests.items.test_maintenance import put_rendition
from tests.services import ManualClock, Services, Stores

PASSWORD = "correct horse battery"
RESULT = Result("recipe", 1, 4, 3, None, "AAAA", None, ())


@dataclass(frozen=True, slots=True)
class Registry:
    """The accounts' services beside the others, with a registered account."""

    registration: RegistrationService
    sessions: SessionService
    closing: ClosingService
    closed: ClosedAccounts
    eraser: Eraser
    verification: AccountVerification
    services: Services
    email: str
    token: str

    async def left(self, account: AccountId) -> list[str]:
        return [finding.message for finding in (await self.verification.run(account)).findings]


@pytest.fixture
async def registry(services: Services, stores: Stores, clock: ManualClock) -> AsyncIterator[Registry]:
    base, passwords = services.base, Passwords(CHEAP_MEMORY_KIB)
    async with base.database.writer.write() as connection:  # an eraser takes a bounded number at once, others' too
        await connection.execute(delete(closed_accounts))
    items = ItemErasure(ItemStore(base.amazon.dynamo), base.amazon.objects)
    exports = ExportErasure(ExportStore(base.amazon.dynamo), base.amazon.objects)
    closed, email = ClosedAccounts(base.database, clock), f"{new_ulid().lower()}@example.com"
    settings = stores.settings(registration=Registration.OPEN)
    accounts = build_accounts(settings=settings, clients=base.clients, events=base.events, passwords=passwords)
    account = await accounts["registration"].register(email, PASSWORD, client=email)
    started = await accounts["sessions"].sign_in(email, PASSWORD, label="", client=email, presented=None)
    relational, index = base.events.relational, build_index(base=base)
    albums, comments = build_album_work(base=base), build_comment_work(base=base)
    other_stores = erasure_steps(base, albums, comments, index)
    yield Registry(
        accounts["registration"],
        accounts["sessions"],
        accounts["closing"],
        closed,
        Eraser(
            closed=closed,
            items=items,
            exports=exports,
            events=base.events.erasure,
            clock=clock,
            further_steps=other_stores,
        ),
        AccountVerification(
            closed=closed,
            counted=[
                build_account_rows(clients=base.clients),
                items,
                exports,
                base.events.erasure,
                albums.erasure,
                comments.erasure,
                relational,
                index.index,
            ],
            objects=base.amazon.objects,
        ),
        replace(services, account=account.id),
        email,
        started.token,
    )
    passwords.close()


async def prepare(services: Services, folder: Path) -> None:
    """Create one of everything that an account can own."""
    ready = await services.queued(new_ulid().encode())
    claimed = await services.work.claim(ready.account_id, ready.item_id)
    await put_rendition(services, ready, 1, folder)
    await services.work.finish(claimed, ItemKind.IMAGE, RESULT, [])
    in_work = await services.queued(new_ulid().encode())
    await services.work.claim(in_work.account_id, in_work.item_id)
    await services.create(new_ulid().encode(), key=RequestKey("a key", "a fingerprint"))
    deleted = await services.queued(new_ulid().encode())
    await services.trash.delete(deleted, None)
    body = CreateItem(name="large.jpg", size_bytes=SINGLE_PUT_BYTES + 1, content_type="image/jpeg")
    large = (await services.uploads.create(services.account, body, None)).row
    await services.uploads.presign_parts(large, (PartRequest(number=2, sha256="0" * 64),))
    await prepare_database(services)


async def prepare_database(services: Services) -> None:
    """Create rows of the search index, of completed requests, and of the event outbox."""
    base = services.base
    await base.events.relay.relay(services.account)
    projection = build_index(base=base).projection
    await ProjectionUpdater(base.events.log, base.events.cursors, [projection]).apply_events(services.account)
    async with base.cache.change() as unit:
        await base.events.completed_requests.note(
            unit.connection, services.account, RequestKey("another key", "a fingerprint"), "alb_1", 201
        )
        event = NewEvent(EventType.ALBUM_CREATED, "alb_1", {})
        await EventOutbox(base.clock).publish(unit, [services.account], event, "created")


async def test_a_closed_account_refuses_sign_in_and_changes(registry: Registry, tmp_path: Path) -> None:
    services = registry.services
    await prepare(services, tmp_path)
    queued = await services.queued(b"still waiting")
    uploading, upload = await services.create(b"on its way")
    await services.put(upload, b"on its way")
    with pytest.raises(Forbidden):
        await registry.closing.close(services.account, "another password", client="somewhere")
    assert await registry.sessions.authenticate(registry.token) is not None

    await registry.closing.close(services.account, PASSWORD, client="somewhere")

    assert await registry.sessions.authenticate(registry.token) is None
    with pytest.raises(Unauthenticated):
        await registry.sessions.sign_in(registry.email, PASSWORD, label="", client="somewhere", presented=None)
    with pytest.raises(ClaimLost):
        await services.work.claim(queued.account_id, queued.item_id)
    with pytest.raises(NotFound):
        await services.create(b"one more")
    with pytest.raises(NotFound):
        await services.trash.delete(uploading, None)
    with pytest.raises(NotFound):
        await registry.closing.close(services.account, PASSWORD, client="somewhere")


async def test_the_address_of_a_closed_account_is_free_immediately(registry: Registry) -> None:
    services = registry.services
    with pytest.raises(AddressTaken):
        await registry.registration.register(registry.email, PASSWORD, client="somewhere")
    await registry.closing.close(services.account, PASSWORD, client="somewhere")
    assert (await registry.registration.register(registry.email, PASSWORD, client="somewhere")).id != services.account


async def test_after_two_erasures_only_a_tombstone_with_counts_is_left(
    registry: Registry, clock: ManualClock, tmp_path: Path
) -> None:
    services = registry.services
    await prepare(services, tmp_path)
    head = await services.base.events.store.head(services.account)
    late, upload = await services.create(b"sent late")
    working = await services.queued(b"made late")
    claimed = await services.work.claim(working.account_id, working.item_id)
    assert len(await registry.left(services.account)) == 14
    await registry.closing.close(services.account, PASSWORD, client="somewhere")
    await registry.eraser.process()
    assert await registry.left(services.account) == ["1 rows of events"]

    assert (await services.put(upload, b"sent late")).status_code == 200
    await put_rendition(services, working, 1, tmp_path)
    with pytest.raises(ClaimLost):
        await services.work.finish(claimed, ItemKind.IMAGE, RESULT, [])
    clock.advance(minutes=2)
    await registry.eraser.process()
    assert len(await registry.left(services.account)) == 3, f"an upload of {late.item_id} may still be in progress"
    clock.now += UPLOAD_DEADLINE
    await registry.eraser.process()

    assert await registry.left(services.account) == []
    tombstone = await registry.closed.get(services.account)
    assert tombstone is not None
    assert tombstone.erased_at == clock()
    counts = Counts(7, head.bytes_used + late.size_bytes + working.size_bytes, head.last + 2)
    assert tombstone.counts == counts


async def test_an_account_without_recent_uploads_is_erased_within_minutes(
    registry: Registry, clock: ManualClock
) -> None:
    services = registry.services
    row = await services.queued(b"of long ago")
    await services.work.finish(await services.work.claim(row.account_id, row.item_id), ItemKind.IMAGE, RESULT, [])
    clock.advance(hours=30)
    await registry.closing.close(services.account, PASSWORD, client="somewhere")
    for _ in range(2):
        await registry.eraser.process()
        clock.advance(minutes=2)
    tombstone = await registry.closed.get(services.account)
    assert tombstone is not None
    assert tombstone.erased_at is not None


async def test_the_two_passes_run_every_step_in_order(registry: Registry, clock: ManualClock) -> None:
    await registry.services.queued(b"one")
    await registry.closing.close(registry.services.account, PASSWORD, client="somewhere")
    with capture_logs() as entries:
        for _ in range(2):
            await registry.eraser.process()
            clock.now += UPLOAD_DEADLINE
    steps = [ErasureStep(entry["step"]) for entry in entries if entry["event"] == "step.began"]
    every = list(ErasureStep)
    last = every.index(ErasureStep.NOTE_FIRST_ERASURE)
    second = [step for step in every if step not in {ErasureStep.COUNT, ErasureStep.NOTE_FIRST_ERASURE}]
    assert steps == every[: last + 1] + second


async def test_two_concurrent_erasers_do_not_disturb_each_other(
    registry: Registry, clock: ManualClock, tmp_path: Path
) -> None:
    services = registry.services
    await prepare(services, tmp_path)
    await registry.closing.close(services.account, PASSWORD, client="somewhere")
    for _ in range(2):
        await asyncio.gather(registry.eraser.process(), registry.eraser.process())
        clock.now += UPLOAD_DEADLINE
    assert await registry.left(services.account) == []


@pytest.mark.parametrize("kills", [20, pytest.param(60, marks=pytest.mark.tier("full", "more kills"))])
async def test_an_eraser_killed_at_any_moment_is_resumed_by_another(
    registry: Registry, clock: ManualClock, tmp_path: Path, kills: int
) -> None:
    services = registry.services
    await prepare(services, tmp_path)
    counted = await services.base.events.store.head(services.account)
    await registry.closing.close(services.account, PASSWORD, client="somewhere")
    moments = random.Random(1)
    for _ in range(kills):
        erasure = asyncio.create_task(registry.eraser.process())
        await asyncio.wait([erasure], timeout=moments.uniform(0, 0.15))
        erasure.cancel()
        await asyncio.wait([erasure])
        clock.advance(minutes=2)
    for _ in range(2):
        await registry.eraser.process()
        clock.now += UPLOAD_DEADLINE
    assert await registry.left(services.account) == []
    tombstone = await registry.closed.get(services.account)
    assert tombstone is not None
    assert tombstone.counts is not None
    assert (tombstone.counts.items, tombstone.counts.events) == (5, counted.last)


async def test_data_of_other_accounts_stays(registry: Registry, clock: ManualClock) -> None:
    services = registry.services
    mine = services.account
    await services.queued(b"mine")
    other = await replace(services, account=new_account_id()).queued(b"somebody else's")
    before = await registry.left(other.account_id)
    await registry.closing.close(mine, PASSWORD, client="somewhere")
    for _ in range(2):
        await registry.eraser.process()
        clock.now += UPLOAD_DEADLINE
    assert await registry.left(mine) == []
    assert await registry.left(other.account_id) == before
