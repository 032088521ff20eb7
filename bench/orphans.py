"""Count what remains after 1,000 random creates, cancels, deletes, retries and kills once everything is deleted:
nothing.

Two people use a `darkroom up` whose workers are killed all the time; one of them closes the account in the middle,
the other one deletes all items at the end. The waits (30 days, the lifetime of upload URLs) are skipped by a clock
that is ahead, in this process, on the same stores. Then rows, receipts, objects and multipart uploads are counted.
"""

import asyncio
import hashlib
import io
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from PIL import Image

from app.accounts.store.accounts import AccountStore
from app.accounts.store.closed import ClosedAccounts
from app.admin.service.leftovers import AccountVerification, Counted
from app.admin.service.verify import Verification
from app.albums.wiring import build_album_work
from app.comments.wiring import build_comment_work
from app.exports.service.erasure import ExportErasure
from app.exports.store import ExportStore
from app.items.deletion.service.erasure import ItemErasure
from app.items.store import ItemStore
from app.items.wiring import build_maintenance
from app.services import Foundation, open_foundation
from app.settings import Settings
from app.stores.resources import SHARDS
from app.worker.eraser import Eraser, ErasureStep
from bench.scale import scaled
from bench.service import PASSWORD, data_folder, environment_without_settings, register, running_service
from darkroom_client.client import DarkroomClient
from darkroom_process.logs import configure_logs
from darkroom_process.settings import read_settings
from darkroom_shared.ids import AccountId, ItemId, new_ulid
from darkroom_shared.items import CreateItem, PartRequest, PartsRequest, SingleUpload
from darkroom_shared.problems import NotFound, WrongState
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import utc_now
from darkroom_shared.uploads import SINGLE_PUT_BYTES

FIGURES = ("orphans",)

ACTIONS = scaled(1_000)
CONCURRENCY = 6
WORKER_LIFETIME_SECONDS = (2.5, 6.0)
"""The lifetime of a worker; it needs the first two seconds to start."""
LEASE_SECONDS = "6"
ERASING_KILLS = 6
AHEAD = timedelta(days=31)
REPEATS = 4


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-orphans-") as name, _quiet_service(Path(name)) as (url, app):
        account = asyncio.run(_live(url, app))
        left = asyncio.run(_count(app, account))
    print(f"figure orphans {left}")


@contextmanager
def _quiet_service(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Run a service without a worker of its own; yield its URL and the environment of its app."""
    with running_service(folder, DARKROOM_WORKER="off") as url:
        environment: dict[str, str] = json.loads((data_folder(folder) / "app.json").read_text())
        yield url, environment_without_settings() | environment


async def _live(url: str, app: dict[str, str]) -> AccountId:
    """Run both accounts to their ends; return the account that was closed in the middle."""
    async with (
        register(url, "leaver@example.com") as leaving,
        register(url, "stayer@example.com") as staying,
        _workers(app) as kills,
    ):
        account = (await leaving.sessions.account()).id
        await _act([leaving, staying])
        await leaving.sessions.close_account(PASSWORD)
        await kills.more(ERASING_KILLS)
        states = Counter([item.state.value async for item in staying.items.list_all()])
        own = [item.id async for item in staying.items.list_all()]
        async for done in staying.items.delete_many(own, permanently=True):
            assert not done.absent
        trash = [item.id async for item in staying.items.list_all(deleted=True)]
        async for done in staying.items.delete_many(trash, permanently=True):
            assert not done.absent
        print(f"{ACTIONS} actions, {kills.count} workers killed; states of the items in the end: {dict(states)}")
    return account


class Kills:
    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Condition()

    async def note(self) -> None:
        async with self._changed:
            self.count += 1
            self._changed.notify_all()

    async def more(self, count: int) -> None:
        """Wait for that many more kills."""
        enough = self.count + count
        async with self._changed:
            await self._changed.wait_for(lambda: self.count >= enough)


@asynccontextmanager
async def _workers(app: dict[str, str]) -> AsyncIterator[Kills]:
    """Run one worker after another; each is killed after a few seconds."""
    killed = Kills()
    moments = random.Random(1)
    own = {"DARKROOM_LISTEN_PORT": "0", "DARKROOM_LEASE_SECONDS": LEASE_SECONDS}

    async def kill_for_ever() -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "worker"), env=app | own, stderr=asyncio.subprocess.DEVNULL
            )
            try:
                await asyncio.sleep(moments.uniform(*WORKER_LIFETIME_SECONDS))
            finally:
                process.kill()
                await process.wait()
            await killed.note()

    async with TaskGroup() as tasks:
        killing = tasks.create_task(kill_for_ever())
        yield killed
        killing.cancel()


async def _act(people: list[DarkroomClient]) -> None:
    semaphore, chosen = asyncio.Semaphore(CONCURRENCY), random.Random(2)
    items: dict[DarkroomClient, list[ItemId]] = {person: [] for person in people}

    async def act() -> None:
        async with semaphore, httpx.AsyncClient() as http:
            person = chosen.choice(people)
            own = items[person]
            try:
                if len(own) < 10 or chosen.random() < 0.4:
                    own.append(await _create(person, http, chosen))
                else:
                    await _change(person, chosen.choice(own), chosen)
            except (WrongState, NotFound):
                return  # a valid response to a random action

    async with TaskGroup() as tasks:
        for _ in range(ACTIONS):
            tasks.create_task(act())


async def _create(person: DarkroomClient, http: httpx.AsyncClient, chosen: random.Random) -> ItemId:
    """Create an item: uploaded and completed, uploaded only, created only, or begun in parts."""
    if chosen.random() < 0.15:
        body = CreateItem(name="a.mp4", size_bytes=SINGLE_PUT_BYTES + 1, content_type="video/mp4")
        item = (await person.items.create(body)).item.id
        last = PartRequest(number=2, sha256=hashlib.sha256(b"x").hexdigest())
        (part,) = (await person.items.request_parts(item, PartsRequest(parts=(last,)))).parts
        (await http.put(part.url, headers=part.headers, content=b"x")).raise_for_status()
        return item
    content = _photo()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    body = CreateItem(name="a.jpg", size_bytes=len(content), content_type="image/jpeg", digest=digest)
    created = await person.items.create(body)
    how_far = chosen.random()
    if how_far > 0.1 and isinstance(created.upload, SingleUpload):
        response = await http.put(created.upload.url, headers=created.upload.headers, content=content)
        response.raise_for_status()
    if how_far > 0.2:
        await person.items.complete(created.item.id)
    return created.item.id


async def _change(person: DarkroomClient, item: ItemId, chosen: random.Random) -> None:
    match chosen.choice(["cancel", "retry", "delete", "restore", "permanently"]):
        case "cancel":
            await person.items.cancel(item)
        case "retry":
            await person.items.retry(item)
        case "delete":
            await person.items.delete(item)
        case "restore":
            await person.items.restore(item)
        case _:
            await person.items.delete(item, permanently=True)


def _photo() -> bytes:
    """Return a small photo; no two have the same bytes."""
    file = io.BytesIO()
    Image.new("RGB", (160, 120), new_ulid()[-6:].encode()[0]).save(file, "JPEG", comment=new_ulid().encode())
    return file.getvalue()


async def _count(app: dict[str, str], account: AccountId) -> int:
    os.environ.update(app)
    async with AsyncExitStack() as stack:
        ahead = AHEAD

        def clock() -> datetime:
            return utc_now() + ahead

        configure_logs()
        base = await open_foundation(read_settings(Settings), stack, clock)
        for _ in range(REPEATS):
            await _sweep(base)
            ahead += timedelta(hours=2)
        return await _left(base, account)


async def _sweep(base: Foundation) -> None:
    maintenance = build_maintenance(clients=base.clients, parts=base.items)
    erasure = ItemErasure(ItemStore(base.amazon.dynamo), base.amazon.objects)
    exports = ExportErasure(ExportStore(base.amazon.dynamo), base.amazon.objects)
    closed = ClosedAccounts(base.database, base.clock)
    albums, comments = build_album_work(base=base).erasure, build_comment_work(base=base).erasure
    erasures = [(ErasureStep.ERASE_COMMENTS, comments.erase), (ErasureStep.ERASE_ALBUMS, albums.erase)]
    eraser = Eraser(
        closed=closed,
        items=erasure,
        exports=exports,
        events=base.events.erasure,
        clock=base.clock,
        further_steps=erasures,
    )
    await eraser.process()
    for shard in range(SHARDS):
        for pages in (maintenance.due_jobs.pages(shard), maintenance.due_jobs.pages_of_deletions(shard)):
            async for page in pages:
                for owner, item in page:
                    await maintenance.process(owner, item)


async def _left(base: Foundation, account: AccountId) -> int:
    """Count the leftovers and print each."""
    counted: list[Counted] = [
        AccountStore(base.database),
        ItemErasure(ItemStore(base.amazon.dynamo), base.amazon.objects),
        ExportErasure(ExportStore(base.amazon.dynamo), base.amazon.objects),
        base.events.erasure,
    ]
    leftovers = await AccountVerification(
        closed=ClosedAccounts(base.database, base.clock), counted=counted, objects=base.amazon.objects
    ).run(account)
    verified = await Verification(
        items=ItemStore(base.amazon.dynamo),
        events=base.events.store,
        objects=base.amazon.objects,
        clock=base.clock,
        read=False,
    ).run()
    print(f"the tombstone: {leftovers.closed}")
    for finding in (*leftovers.findings, *verified.findings):
        print(f"left: {finding.subject}: {finding.message}")
    return len(leftovers.findings) + len(verified.findings) + verified.items + verified.objects


if __name__ == "__main__":
    main()
