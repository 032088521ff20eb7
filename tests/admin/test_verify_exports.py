"""`darkroom verify` accepts complete exports and reports missing and orphaned files."""

from hashlib import sha256

from app.admin.service.verify_exports import ExportVerification
from app.exports.schema import ExportRow, export_key
from app.exports.service.changes import ExportChanges
from app.exports.service.lifecycle import created
from app.exports.service.work import ExportWork
from app.exports.store import ExportStore
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import new_export_id
from tests.services import ManualClock, Services


async def list_findings(services: Services, clock: ManualClock) -> set[tuple[str, str]]:
    """Return the findings of this account only; other tests leave data of their own."""
    verification = ExportVerification(ExportStore(services.base.amazon.dynamo), services.base.amazon.objects, clock)
    return {
        (finding.kind, finding.subject) for finding in await verification.run() if services.account in finding.subject
    }


async def test_a_missing_file_an_orphaned_file_and_an_orphaned_upload_are_reported(
    services: Services, clock: ManualClock
) -> None:
    changes = ExportChanges(ExportStore(services.base.amazon.dynamo), services.base.events.log)
    work, objects, export = ExportWork(changes, clock), services.base.amazon.objects, new_export_id()
    key = export_key(services.account, export)
    await changes.create(created(ExportRow(services.account, export, ExportState.QUEUED, clock())))
    await objects.start_multipart(key, name="export.zip")
    assert await list_findings(services, clock) == set()
    claimed = await work.claim(services.account, export)
    await work.finish(claimed, items=0, missing=0, size_bytes=22)
    assert await list_findings(services, clock) == {("missing", key), ("orphan", key)}
    await objects.abort_multiparts(key)
    deleted = export_key(services.account, new_export_id())
    digest = sha256(b"x" * 22).hexdigest()
    for each in (key, deleted):
        await objects.write(each, b"x" * 22, content_type="application/zip", sha256_hex=digest, cache_control="private")
    assert await list_findings(services, clock) == {("orphan", deleted)}
