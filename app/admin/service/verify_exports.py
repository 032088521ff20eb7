"""Verification of exports: the file of each ready export exists, and there are no other files."""

from collections.abc import AsyncIterator

from app.admin.service.verify import Finding
from app.exports.schema import EXPORTS_PREFIX, ExportRow, export_key
from app.exports.store import ExportStore
from app.stores.s3 import ObjectStore
from darkroom_shared.exports import ExportState
from darkroom_shared.times import Clock


class ExportVerification:
    """Compares the rows of exports with the files in S3."""

    def __init__(self, exports: ExportStore, objects: ObjectStore, clock: Clock) -> None:
        self._exports, self._objects, self._clock = exports, objects, clock

    async def run(self) -> list[Finding]:
        """Report missing and orphaned files, and exports past their deadline, which no sweeper has processed."""
        rows = [row async for row in self._exports.all_rows()]
        findings = [finding async for finding in self._files(rows)]
        findings += [
            Finding("deadline", row.export_id, f"{row.state} past its deadline")
            for row in rows
            if row.deadline is not None and row.deadline < self._clock()
        ]
        return findings

    async def _files(self, rows: list[ExportRow]) -> AsyncIterator[Finding]:
        sizes = {stored.key: stored.size_bytes async for stored in self._objects.list_objects(EXPORTS_PREFIX)}
        expected = {export_key(row.account_id, row.export_id): row for row in rows}
        for key, row in expected.items():
            if row.state is ExportState.READY and sizes.get(key) != row.size_bytes:
                yield Finding("missing", key, f"{sizes.get(key)} bytes instead of {row.size_bytes}")
        for key in sizes.keys() - expected.keys():
            yield Finding("orphan", key, "no export owns this object")
        for key in await self._objects.list_multipart_keys(EXPORTS_PREFIX):
            if key not in expected or expected[key].deadline is None:
                yield Finding("orphan", key, "an upload in parts that no export is made of")
