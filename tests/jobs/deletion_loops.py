"""The sweepers' loops that delete files, each with a job that it must complete."""

from app.exports.service.lifecycle import RETENTION
from app.exports.wiring import build_export_work, build_exports
from app.items.schema.row import Purge
from app.items.service.lifecycle import LEASE
from app.stores.resources import EXPORTS_TABLE, ITEMS_TABLE, shard_of
from app.worker.sweeper import build_export_sweeper, build_item_sweeper
from darkroom_shared.ids import AccountId, ExportId, ItemId, new_account_id, new_ulid
from tests.jobs.loops import Due, Faulty, Loop, alone_in_its_shard, remove_rows


def deletions(faulty: Faulty) -> Loop:
    own, loop = faulty.own, build_item_sweeper(faulty.services.maintenance, faulty.services.base.amazon.queues)

    async def create() -> tuple[tuple[AccountId, ItemId], Due]:
        row = await own.queued(new_ulid().encode())
        await own.trash.delete(row, None, permanently=True)

        async def is_done() -> bool:
            return (await own.row(row)).purge is Purge.DELETED

        return (row.account_id, row.item_id), (int(shard_of(row.item_id)), is_done)

    return Loop(
        loop.delete_files,
        lambda: alone_in_its_shard(
            create, own.maintenance.due_jobs.pages_of_deletions, remove_rows(faulty, ITEMS_TABLE, "item_id")
        ),
    )


def export_deletions(faulty: Faulty) -> Loop:
    base = faulty.own.base
    parts = build_export_work(base=base, lease=LEASE)
    exports = build_exports(base=base, delivery=faulty.own.representation._delivery)["exports"]
    loop = build_export_sweeper(build_export_work(base=faulty.services.base, lease=LEASE).maintenance)

    async def create() -> tuple[tuple[AccountId, ExportId], Due]:
        account = new_account_id()
        row = await exports.start(account)
        claimed = await parts.work.claim(account, row.export_id)
        await parts.work.finish(claimed, items=1, missing=0, size_bytes=1)
        faulty.clock.now += RETENTION

        async def is_done() -> bool:
            return await exports.all_of(account) == []

        return (account, row.export_id), (int(shard_of(row.export_id)), is_done)

    return Loop(
        loop.delete_files,
        lambda: alone_in_its_shard(
            create, parts.maintenance.due_jobs.pages_of_deletions, remove_rows(faulty, EXPORTS_TABLE, "export_id")
        ),
    )


DELETION_LOOPS = {each.__name__: each for each in (deletions, export_deletions)}
