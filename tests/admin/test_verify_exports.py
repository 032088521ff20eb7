"""`darkroom verify` knows exports: whole ones are well, lost and forgotten files are findings."""

from hashlib import sha256

from app.admin.verify_exports import ExportVerification
from app.exports.changes import ExportChanges
from app.exports.lifecycle import created
from app.exports.row import ExportRow, export_key
from app.exports.store import ExportStore
from app.exports.work import ExportWork
from shared.exports import ExportState
from shared.ids import new_export_id
from tests.house import House, ManualClock


async def found(house: House, clock: ManualClock) -> set[tuple[str, str]]:
    """About this account; other tests leave things of their own."""
    verification = ExportVerification(ExportStore(house.base.amazon.dynamo), house.base.amazon.objects, clock)
    return {(finding.kind, finding.subject) for finding in await verification.run() if house.account in finding.subject}


async def test_a_lost_file_a_forgotten_file_and_a_forgotten_upload_are_found(house: House, clock: ManualClock) -> None:
    changes = ExportChanges(ExportStore(house.base.amazon.dynamo), house.base.events.log)
    work, objects, export = ExportWork(changes, clock), house.base.amazon.objects, new_export_id()
    key = export_key(house.account, export)
    await changes.create(created(ExportRow(house.account, export, ExportState.QUEUED, clock())))
    await objects.start_multipart(key, name="export.zip")
    assert await found(house, clock) == set()
    claimed = await work.claim(house.account, export)
    await work.finish(claimed, items=0, missing=0, size_bytes=22)
    assert await found(house, clock) == {("missing", key), ("orphan", key)}
    await objects.abort_multiparts(key)
    forgotten = export_key(house.account, new_export_id())
    digest = sha256(b"x" * 22).hexdigest()
    for each in (key, forgotten):
        await objects.write(each, b"x" * 22, content_type="application/zip", sha256_hex=digest, cache_control="private")
    assert await found(house, clock) == {("orphan", forgotten)}
