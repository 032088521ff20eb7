"""The sweepers' loops on items and exports, each with a job that it must complete."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from app.exports.schema import ExportRow
from app.exports.service.exports import ExportService
from app.exports.service.lifecycle import RETENTION
from app.exports.wiring import ExportWorkParts, build_export_work, build_exports
from app.items.schema.row import ItemRow, Purge
from app.items.service.lifecycle import LEASE
from app.stores.dynamo import Row
from app.stores.resources import EXPORTS_TABLE, ITEMS_TABLE, shard_of
from app.worker.sweeper import Sweeper, build_export_sweeper, build_item_sweeper
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import AccountId, ExportId, ItemId, new_account_id, new_ulid
from tests.jobs.loops import Due, Faulty, Loop, alone_in_its_shard


class JobRow(Protocol):
    @property
    def account_id(self) -> AccountId: ...

    @property
    def key(self) -> Row: ...


R = TypeVar("R", bound=JobRow)


def _loop(
    faulty: Faulty,
    table: str,
    id_name: str,
    *,
    tick: Callable[[int], Awaitable[None]],
    pages: Callable[[int], AsyncIterator[Sequence[tuple[AccountId, str]]]],
    make_due: Callable[[], Awaitable[R]],
    is_done: Callable[[R], Awaitable[bool]],
) -> Loop:
    async def create() -> tuple[tuple[AccountId, str], Due]:
        row = await make_due()
        job = row.key[id_name]
        return (row.account_id, job), (int(shard_of(job)), lambda: is_done(row))

    async def remove(jobs: Sequence[tuple[AccountId, str]]) -> None:
        keys: list[Row] = [{"account_id": account, id_name: job} for account, job in jobs]
        await faulty.own.base.amazon.dynamo.delete_many(table, keys)

    return Loop(tick, lambda: alone_in_its_shard(create, pages, remove))


def _passing_time(faulty: Faulty, process: Callable[[int], Awaitable[None]]) -> Callable[[int], Awaitable[None]]:
    """Let a second pass before each tick: after a lapse that could not be written, the next waits for a heartbeat."""

    async def tick(shard: int) -> None:
        faulty.clock.advance(seconds=1)
        await process(shard)

    return tick


def _item_sweeper(faulty: Faulty) -> Sweeper[ItemId]:
    return build_item_sweeper(faulty.services.maintenance, faulty.services.base.amazon.queues)


def sweeper(faulty: Faulty) -> Loop:
    own = faulty.own

    async def make_due() -> ItemRow:
        row = await own.queued(new_ulid().encode())
        await own.work.claim(row.account_id, row.item_id)
        faulty.clock.advance(seconds=61)
        return row

    async def is_done(row: ItemRow) -> bool:
        return (await own.row(row)).lost_attempts == 1

    tick, pages = _passing_time(faulty, _item_sweeper(faulty).process), own.maintenance.due_jobs.pages
    return _loop(faulty, ITEMS_TABLE, "item_id", tick=tick, pages=pages, make_due=make_due, is_done=is_done)


def deletions(faulty: Faulty) -> Loop:
    own = faulty.own

    async def make_due() -> ItemRow:
        row = await own.queued(new_ulid().encode())
        await own.trash.delete(row, None, permanently=True)
        return row

    async def is_done(row: ItemRow) -> bool:
        return (await own.row(row)).purge is Purge.DELETED

    tick, pages = _item_sweeper(faulty).delete_files, own.maintenance.due_jobs.pages_of_deletions
    return _loop(faulty, ITEMS_TABLE, "item_id", tick=tick, pages=pages, make_due=make_due, is_done=is_done)


@dataclass(frozen=True, slots=True)
class Exports:
    """`own` and `service` prepare and check; the AWS clients of `sweeper` raise what is injected."""

    own: ExportWorkParts
    service: ExportService
    sweeper: Sweeper[ExportId]


def _exports(faulty: Faulty) -> Exports:
    base = faulty.own.base
    return Exports(
        build_export_work(base=base, lease=LEASE),
        build_exports(base=base, delivery=faulty.own.representation._delivery)["exports"],
        build_export_sweeper(build_export_work(base=faulty.services.base, lease=LEASE).maintenance),
    )


def export_sweeper(faulty: Faulty) -> Loop:
    exports = _exports(faulty)

    async def make_due() -> ExportRow:
        row = await exports.service.start(new_account_id())
        await exports.own.work.claim(row.account_id, row.export_id)
        faulty.clock.advance(seconds=61)
        return row

    async def is_done(row: ExportRow) -> bool:
        return (await exports.service.require(row.account_id, row.export_id)).state is ExportState.QUEUED

    tick, pages = _passing_time(faulty, exports.sweeper.process), exports.own.maintenance.due_jobs.pages
    return _loop(faulty, EXPORTS_TABLE, "export_id", tick=tick, pages=pages, make_due=make_due, is_done=is_done)


def export_deletions(faulty: Faulty) -> Loop:
    exports = _exports(faulty)

    async def make_due() -> ExportRow:
        row = await exports.service.start(new_account_id())
        claimed = await exports.own.work.claim(row.account_id, row.export_id)
        await exports.own.work.finish(claimed, items=1, missing=0, size_bytes=1)
        faulty.clock.now += RETENTION
        return row

    async def is_done(row: ExportRow) -> bool:
        return await exports.service.all_of(row.account_id) == []

    tick, pages = exports.sweeper.delete_files, exports.own.maintenance.due_jobs.pages_of_deletions
    return _loop(faulty, EXPORTS_TABLE, "export_id", tick=tick, pages=pages, make_due=make_due, is_done=is_done)


DELETION_LOOPS = {each.__name__: each for each in (deletions, export_deletions)}
