"""A closed account is shut at once and then erased without a trace, whatever happens to those who do it."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.accounts.closed import ClosedAccounts, Counts
from app.accounts.closing import ClosingService
from app.accounts.limits import Attempts
from app.accounts.passwords import Passwords
from app.accounts.service import AccountService
from app.accounts.sessions import SessionService
from app.accounts.store import AccountStore
from app.admin.remains import AccountVerification
from app.album_parts import AlbumUpkeepParts
from app.events.follower import Following
from app.events.log import NewEvent
from app.events.outbox import EventOutbox
from app.events.relational import RelationalEvents
from app.exports.erasure import ExportErasure
from app.exports.store import ExportStore
from app.items.claims import ClaimLost
from app.items.erasure import ItemErasure
from app.items.lifecycle import LATEST_UPLOAD
from app.items.requests import RequestKey
from app.items.row import Result
from app.migrations.run import migrate
from app.search.index_store import IndexStore
from app.search.indexing import SearchIndex
from app.settings import Registration
from app.worker.eraser import Eraser
from shared.events import EventType
from shared.ids import AccountId, new_account_id, new_ulid
from shared.items import CreateItem, ItemKind, PartRequest
from shared.problems import AddressTaken, Forbidden, NotFound, Unauthenticated
from shared.uploads import SINGLE_PUT_BYTES
from tests.house import House, ManualClock, Stores
from tests.items.test_upkeep import put_rendition

PASSWORD = "correct horse battery"
RESULT = Result("recipe", 1, 4, 3, None, "AAAA", None, ())
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Registry:
    """The accounts' services beside the house's, and somebody who has one."""

    accounts: AccountService
    sessions: SessionService
    closing: ClosingService
    closed: ClosedAccounts
    eraser: Eraser
    verification: AccountVerification
    house: House
    email: str
    token: str

    async def left(self, account: AccountId) -> list[str]:
        return [finding.message for finding in (await self.verification.run(account)).findings]


@pytest.fixture
async def registry(house: House, stores: Stores, clock: ManualClock) -> AsyncIterator[Registry]:
    await migrate(f"sqlite+aiosqlite:///{stores.folder / 'app.db'}")
    base, passwords = house.base, Passwords()
    store, attempts = AccountStore(base.database), Attempts(base.signals.limits)
    exports = ExportErasure(ExportStore(base.amazon.dynamo), base.amazon.objects)
    closed, email = ClosedAccounts(base.database, clock), f"{new_ulid().lower()}@example.com"
    accounts = AccountService(store, base.cache, passwords, attempts, Registration.OPEN, clock)
    sessions = SessionService(store, base.cache, passwords, attempts, clock)
    account = await accounts.register(email, PASSWORD, client=email)
    started = await sessions.sign_in(email, PASSWORD, label="", client=email, presented=None)
    relational, index = RelationalEvents(base.database), IndexStore(base.database)
    albums = AlbumUpkeepParts.build(base).erasure
    others = [
        ("erase_albums", albums.erase),
        ("erase_relational_events", relational.erase),
        ("erase_index", index.erase),
    ]
    yield Registry(
        accounts,
        sessions,
        ClosingService(store, base.cache, passwords, attempts, base.events.log, clock),
        closed,
        Eraser(closed, ItemErasure(base.items.store, base.amazon.objects), exports, base.events.store, clock, others),
        AccountVerification(
            store,
            closed,
            base.items.store,
            ExportStore(base.amazon.dynamo),
            base.events.store,
            base.amazon.objects,
            (albums, relational, index),
        ),
        replace(house, account=account.id),
        email,
        started.token,
    )
    passwords.close()


async def furnish(house: House, folder: Path) -> None:
    """One of everything that an account can have."""
    ready = await house.queued(new_ulid().encode())
    claimed = await house.work.claim(ready.account_id, ready.item_id)
    await put_rendition(house, ready, 1, folder)
    await house.work.finish(claimed, ItemKind.IMAGE, RESULT, [])
    in_work = await house.queued(new_ulid().encode())
    await house.work.claim(in_work.account_id, in_work.item_id)
    await house.create(new_ulid().encode(), key=RequestKey("a key", "a fingerprint"))
    deleted = await house.queued(new_ulid().encode())
    await house.trash.delete(deleted, None)
    wish = CreateItem(name="large.jpg", size_bytes=SINGLE_PUT_BYTES + 1, content_type="image/jpeg")
    large = (await house.uploads.create(house.account, wish, None)).row
    await house.uploads.presign_parts(large, (PartRequest(number=2, sha256="0" * 64),))
    await furnish_database(house)


async def furnish_database(house: House) -> None:
    """What is searched, what was answered, and what is still to be told."""
    base = house.base
    await base.events.relay.relay(house.account)
    follower = SearchIndex(base.items.store, IndexStore(base.database))
    await Following(base.events.log, base.events.cursors, [follower]).follow(house.account)
    async with base.database.writer.write() as connection:
        await base.events.answered.note(
            connection, house.account, RequestKey("another key", "a fingerprint"), "alb_1", 201
        )
        event = NewEvent(EventType.ALBUM_CREATED, "alb_1", {})
        await EventOutbox(base.clock).tell(connection, [house.account], event, "created")


async def test_a_closed_account_lets_nobody_in_and_nothing_change(registry: Registry, tmp_path: Path) -> None:
    house = registry.house
    await furnish(house, tmp_path)
    queued = await house.queued(b"still waiting")
    uploading, upload = await house.create(b"on its way")
    await house.put(upload, b"on its way")
    with pytest.raises(Forbidden):
        await registry.closing.close(house.account, "another password", client="somewhere")
    assert await registry.sessions.authenticate(registry.token) is not None

    await registry.closing.close(house.account, PASSWORD, client="somewhere")

    assert await registry.sessions.authenticate(registry.token) is None
    with pytest.raises(Unauthenticated):
        await registry.sessions.sign_in(registry.email, PASSWORD, label="", client="somewhere", presented=None)
    with pytest.raises(ClaimLost):
        await house.work.claim(queued.account_id, queued.item_id)
    with pytest.raises(NotFound):
        await house.create(b"one more")
    with pytest.raises(NotFound):
        await house.trash.delete(uploading, None)
    with pytest.raises(NotFound):
        await registry.closing.close(house.account, PASSWORD, client="somewhere")


async def test_the_address_is_free_at_once(registry: Registry) -> None:
    house = registry.house
    with pytest.raises(AddressTaken):
        await registry.accounts.register(registry.email, PASSWORD, client="somewhere")
    await registry.closing.close(house.account, PASSWORD, client="somewhere")
    assert (await registry.accounts.register(registry.email, PASSWORD, client="somewhere")).id != house.account


async def test_after_two_rounds_nothing_is_left_but_a_tombstone_with_counts(
    registry: Registry, clock: ManualClock, tmp_path: Path
) -> None:
    house = registry.house
    await furnish(house, tmp_path)
    head = await house.base.events.store.head(house.account)
    late, upload = await house.create(b"sent late")
    working = await house.queued(b"made late")
    claimed = await house.work.claim(working.account_id, working.item_id)
    assert len(await registry.left(house.account)) == 14
    await registry.closing.close(house.account, PASSWORD, client="somewhere")
    await registry.eraser.visit()
    assert await registry.left(house.account) == ["1 rows of events"]

    assert (await house.put(upload, b"sent late")).status_code == 200
    await put_rendition(house, working, 1, tmp_path)
    with pytest.raises(ClaimLost):
        await house.work.finish(claimed, ItemKind.IMAGE, RESULT, [])
    clock.advance(minutes=2)
    await registry.eraser.visit()
    assert len(await registry.left(house.account)) == 3, f"an upload of {late.item_id} may still be on its way"
    clock.now += LATEST_UPLOAD
    await registry.eraser.visit()

    assert await registry.left(house.account) == []
    tombstone = await registry.closed.get(house.account)
    assert tombstone is not None
    assert tombstone.erased_at == clock()
    counts = Counts(7, head.bytes_used + late.size_bytes + working.size_bytes, head.last + 2)
    assert tombstone.counts == counts


async def test_an_account_without_recent_uploads_is_gone_after_minutes(registry: Registry, clock: ManualClock) -> None:
    house = registry.house
    row = await house.queued(b"of long ago")
    await house.work.finish(await house.work.claim(row.account_id, row.item_id), ItemKind.IMAGE, RESULT, [])
    clock.advance(hours=30)
    await registry.closing.close(house.account, PASSWORD, client="somewhere")
    for _ in range(2):
        await registry.eraser.visit()
        clock.advance(minutes=2)
    tombstone = await registry.closed.get(house.account)
    assert tombstone is not None
    assert tombstone.erased_at is not None


async def test_two_erasers_at_once_do_each_other_no_harm(
    registry: Registry, clock: ManualClock, tmp_path: Path
) -> None:
    house = registry.house
    await furnish(house, tmp_path)
    await registry.closing.close(house.account, PASSWORD, client="somewhere")
    for _ in range(2):
        await asyncio.gather(registry.eraser.visit(), registry.eraser.visit())
        clock.now += LATEST_UPLOAD
    assert await registry.left(house.account) == []


async def test_an_eraser_killed_at_any_moment_is_followed_by_another(
    registry: Registry, clock: ManualClock, tmp_path: Path
) -> None:
    house = registry.house
    await furnish(house, tmp_path)
    counted = await house.base.events.store.head(house.account)
    await registry.closing.close(house.account, PASSWORD, client="somewhere")
    moments = random.Random(1)
    for _ in range(ROUNDS):
        visit = asyncio.create_task(registry.eraser.visit())
        await asyncio.wait([visit], timeout=moments.uniform(0, 0.15))
        visit.cancel()
        await asyncio.wait([visit])
        clock.advance(minutes=2)
    for _ in range(2):
        await registry.eraser.visit()
        clock.now += LATEST_UPLOAD
    assert await registry.left(house.account) == []
    tombstone = await registry.closed.get(house.account)
    assert tombstone is not None
    assert tombstone.counts is not None
    assert (tombstone.counts.items, tombstone.counts.events) == (5, counted.last)


async def test_what_others_have_stays(registry: Registry, clock: ManualClock) -> None:
    house = registry.house
    mine = house.account
    await house.queued(b"mine")
    other = await replace(house, account=new_account_id()).queued(b"somebody else's")
    before = await registry.left(other.account_id)
    await registry.closing.close(mine, PASSWORD, client="somewhere")
    for _ in range(2):
        await registry.eraser.visit()
        clock.now += LATEST_UPLOAD
    assert await registry.left(mine) == []
    assert await registry.left(other.account_id) == before
